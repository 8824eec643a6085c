//! The language as a whole: configurations in memory, loaded, checked and evaluated without any provider.

mod blocks;
mod checking;
mod evaluate;
mod fuzz;
mod hostile;
mod inputs;
mod loading;
mod mistakes;
mod rules;
mod world;
