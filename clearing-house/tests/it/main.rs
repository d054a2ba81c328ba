//! The interval as a whole: what is settled, what is refused, what adds up.

mod conservation;
mod corrections;
mod interval;
mod street;
mod zone;
