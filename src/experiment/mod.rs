//! Whole studies: methods compared over data sets, models, look-backs and seeds.

pub mod statistics;
