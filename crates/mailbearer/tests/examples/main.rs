//! Checks that the examples do what they say, against servers in memory.

#[cfg(test)]
mod run;
