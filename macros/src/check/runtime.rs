//! The options of tokio's runtime.

use syn::{Ident, Signature};

use crate::errors::Errors;
use crate::parse::{Flavor, Options};

/// Checks that there is a runtime, and that it is of the kind the options are for.
pub(crate) fn check(options: &Options, sig: &Signature, errors: &mut Errors) {
    let keys = [
        options.flavor.as_ref().map(|flavor| &flavor.key),
        options.worker_threads.as_ref().map(|workers| &workers.key),
        options.start_paused.as_ref().map(|paused| &paused.key),
    ];
    if sig.asyncness.is_none() {
        keys.into_iter().flatten().for_each(|key| needs_async(key, &sig.ident, errors));
        return;
    }
    let flavor = options.flavor.as_ref().map_or(Flavor::CurrentThread, |flavor| flavor.value);
    if let Some(workers) = options.worker_threads.as_ref().filter(|_| flavor == Flavor::CurrentThread) {
        let number = workers.value;
        errors.add(
            &workers.key,
            format!(
                "`worker_threads` needs the multi-thread runtime\n\
                 help: write `flavor = \"multi_thread\", worker_threads = {number}`"
            ),
        );
    }
    if let Some(paused) = options.start_paused.as_ref().filter(|paused| paused.value && flavor == Flavor::MultiThread) {
        errors.add(
            &paused.key,
            "`start_paused` needs the current-thread runtime\n\
             help: write `flavor = \"current_thread\", start_paused = true`",
        );
    }
}

fn needs_async(key: &Ident, name: &Ident, errors: &mut Errors) {
    errors.add(
        key,
        format!(
            "`{key}` is about tokio's runtime, which runs `async` tests only\n\
             help: write `async fn {name}`, or leave `{key}` out"
        ),
    );
}
