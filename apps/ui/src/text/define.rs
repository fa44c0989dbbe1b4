//! The macro that makes a type of words out of Fluent files. It must not do more than write code that one
//! could write by hand.

/// Makes a struct with the words of an application, from Fluent files of its own crate.
///
/// The files are `locales/en/AREA.ftl` and `locales/zh-CN/AREA.ftl` beside the crate's `Cargo.toml`, one per
/// area; they are part of the program. A message's id is the name that the code uses, with underscores.
///
/// - `words`: fields, read once: `w.add_to_cart` is a `&'static str`.
/// - `sentences`: methods with the arguments that the text names: `w.units(3)` for `units = { $n -> … }`.
/// - `tables`: messages that are nothing but attributes, for names that come from data:
///   `w.statuses.get("PAID")` for `statuses =⏎    .PAID = Paid`.
///
/// ```ignore
/// ui::words! {
///     /// The words of the console.
///     pub struct Words, used in ["src"];
///     "stock" {
///         words { warehouse, adjust }
///         sentences { moved(n: i64, sku: &str) }
///         tables { reasons }
///     }
/// }
/// let w = Words::of(lang);
/// ```
///
/// It also writes a test. The test fails when a text is missing in a language, is there but not declared
/// here, stands in another area's file, lacks an argument or names one that there is not, is the same in both
/// languages (unless a comment above it says `the same in every language`), or when no file in the folders
/// after `used in` mentions it.
#[macro_export]
macro_rules! words {
    (
        $(#[$meta:meta])*
        $vis:vis struct $Words:ident, used in [$($folder:literal),* $(,)?];
        $($area:literal {
            $(words { $($word:ident),* $(,)? })?
            $(sentences { $($sentence:ident($($arg:ident: $type:ty),* $(,)?)),* $(,)? })?
            $(tables { $($table:ident),* $(,)? })?
        })*
    ) => {
        $(#[$meta])*
        $vis struct $Words {
            /// The language that these words are in.
            pub lang: $crate::Lang,
            catalogue: $crate::text::Catalogue,
            $($($(
                #[doc = concat!("`", stringify!($word), "` in `", $area, ".ftl`.")]
                pub $word: &'static str,
            )*)?)*
            $($($(
                #[doc = concat!("The table `", stringify!($table), "` in `", $area, ".ftl`.")]
                pub $table: $crate::text::Table,
            )*)?)*
        }

        impl ::std::fmt::Debug for $Words {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.debug_struct(stringify!($Words)).field("lang", &self.lang).finish_non_exhaustive()
            }
        }

        impl $Words {
            /// The words of a language.
            #[must_use]
            $vis fn of(lang: $crate::Lang) -> &'static Self {
                static EN: ::std::sync::LazyLock<$Words> = ::std::sync::LazyLock::new(|| {
                    $Words::read($crate::Lang::En, &[$($crate::words!(@file "en", $area)),*])
                });
                static ZH_CN: ::std::sync::LazyLock<$Words> = ::std::sync::LazyLock::new(|| {
                    $Words::read($crate::Lang::ZhCn, &[$($crate::words!(@file "zh-CN", $area)),*])
                });
                match lang {
                    $crate::Lang::En => &EN,
                    $crate::Lang::ZhCn => &ZH_CN,
                }
            }

            fn read(lang: $crate::Lang, sources: &[&str]) -> Self {
                let catalogue = $crate::text::Catalogue::read(lang, sources);
                Self {
                    lang,
                    $($($($word: catalogue.word(stringify!($word)),)*)?)*
                    $($($($table: catalogue.table(stringify!($table)),)*)?)*
                    catalogue,
                }
            }

            $($($(
                #[doc = concat!("`", stringify!($sentence), "` in `", $area, ".ftl`, filled in.")]
                #[must_use]
                $vis fn $sentence(&self, $($arg: $type),*) -> String {
                    let args = [$((stringify!($arg), $crate::text::Value::from($arg))),*];
                    self.catalogue.sentence(stringify!($sentence), &args)
                }
            )*)?)*
        }

        #[cfg(test)]
        #[test]
        fn every_text_is_there_in_every_language_and_is_used() {
            use $crate::text::check::{Area, Text};
            let areas = [$(Area {
                name: $area,
                sources: [
                    $crate::words!(@file "en", $area),
                    $crate::words!(@file "zh-CN", $area),
                ],
                texts: vec![
                    $($(Text::word(stringify!($word)),)*)?
                    $($(Text::sentence(stringify!($sentence), &[$(stringify!($arg)),*]),)*)?
                    $($(Text::table(stringify!($table)),)*)?
                ],
            }),*];
            let root = ::std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
            let faults = $crate::text::check::faults(&areas, &[$(root.join($folder)),*]);
            assert!(faults.is_empty(), "{}", faults.join("\n"));
        }
    };
    (@file $lang:literal, $area:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/locales/", $lang, "/", $area, ".ftl"))
    };
}
