//! mailbearer.
