//! Policy rules: a typed subset of CEL.
