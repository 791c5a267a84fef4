//! Names that print short, wherever they are printed.

/// The short form is also what a person wants to see in a dump of a state.
macro_rules! debug_as_display {
    ($($name:ty),*) => {$(
        impl ::core::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Display::fmt(self, f)
            }
        }
    )*};
}
pub(crate) use debug_as_display;
