//! Every mechanism against what it promises: what holds for all (`promises`), what the checker refuses
//! (`refusals`), that no order gains by a false limit where that is promised (`truthful`), how much of
//! the welfare large books keep (`welfare`), the rules by hand (`rules`), and the figures of a
//! comparison (`comparison`).

mod books;
mod comparison;
mod promises;
mod refusals;
mod rules;
mod truthful;
mod welfare;
