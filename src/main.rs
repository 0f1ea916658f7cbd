//! The `claviger` command.

use std::process::ExitCode;

use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};

fn main() -> ExitCode {
    // A core dump would hold keys and passwords. The limit alone does not stop a kernel that pipes dumps to
    // a handler; either may be refused by the system, which is no reason not to run.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);

    // Connections are capped by configuration; the usual soft limit of 1024 descriptors lies below that.
    let descriptors = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: descriptors.maximum, ..descriptors });

    claviger::cli::run()
}
