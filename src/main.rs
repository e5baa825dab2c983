//! The program: everything it can do is a command in [`pingjia::commands`].

fn main() -> std::process::ExitCode {
    pingjia::commands::run()
}
