//! What everyone may see: certified sheets and what it takes to check them.

mod view;
