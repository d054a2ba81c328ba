//! The interval as a whole: what is settled, what is refused, what adds up.

mod conservation;
mod corrections;
mod forward;
mod interval;
mod mechanisms;
mod street;
mod tariff;
mod wishes;
mod zone;
