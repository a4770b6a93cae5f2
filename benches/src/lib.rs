//! Nothing but benches, see `README.md`; and, because this crate is never published and so may look into its neighbours' folders, the
//! place where the examples of those READMEs are compiled that their own crates do not compile.

#[cfg(doctest)]
mod readmes {
    #[doc = include_str!("../../afx-core/README.md")]
    struct Core;
    #[doc = include_str!("../../afx-models/README.md")]
    struct Models;
    #[doc = include_str!("../../afx-loss/README.md")]
    struct Loss;
    #[doc = include_str!("../../afx-train/README.md")]
    struct Train;
}
