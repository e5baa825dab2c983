//! The program: everything it can do is a command in [`pingjia::commands`].

/// Faster than the system's allocator where every request makes and drops many small things.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    pingjia::commands::run()
}
