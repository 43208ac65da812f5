//! Choices that parse from, and print as, one word: the same in flags, TOML keys and reports.

/// Gives an enum of words `FromStr` and `Display`, the list of its values and that of its words, and an error that names
/// them.
macro_rules! words {
    ($type:ty, $key:literal, $($variant:path = $word:literal),+ $(,)?) => {
        impl $type {
            /// Every value.
            pub const ALL: &'static [$type] = &[$($variant),+];
            /// The word of every value, in the same order.
            pub const WORDS: &'static [&'static str] = &[$($word),+];
        }

        impl std::str::FromStr for $type {
            type Err = $crate::error::Error;

            fn from_str(text: &str) -> $crate::error::Result<Self> {
                match text.trim() {
                    $($word => Ok($variant),)+
                    _ => Err($crate::error::Error::config($key, format!("unknown value {text:?}"), concat!("choose one of:", $(" ", $word),+))),
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(match self {
                    $($variant => $word,)+
                })
            }
        }
    };
}

/// Gives an enum `word`, `Display` and `Serialize`, of words that are printed and never parsed.
macro_rules! said {
    ($type:ty, $($variant:path = $word:literal),+ $(,)?) => {
        impl $type {
            /// As it is printed.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self {
                    $($variant => $word,)+
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.word())
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(self.word())
            }
        }
    };
}
pub(crate) use {said, words};
