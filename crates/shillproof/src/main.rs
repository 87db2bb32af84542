//! The command line of Shillproof: arguments in, exit code out.
//!
//! stdout is the data asked for, stderr is talk and progress. Exit codes: 0 done, 1 a robustness
//! gate failed, 2 error.

mod args;
mod commands;
mod failure;
mod session;
mod text;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use commands::Outcome;
use session::{Global, Session};

const ABOUT: &str = "How far can fake users move your recommender, and what stops them?

Trains recommenders offline on a log of interactions, crafts fake users with published attacks, retrains, and measures what \
changed for the genuine users. Nothing leaves this machine.";

const EXAMPLES: &str = "Examples:
  shillproof audit                              the whole answer, on embedded demo data
  shillproof audit ratings.csv --victim wrmf    the same for your data
  shillproof list attacks                       what there is to attack with
  shillproof explain bandwagon                  how one of them works, and its parameters
  shillproof run grid.toml                      a whole grid of experiments, resumable

Exit codes: 0 done, 1 a robustness gate failed (audit --fail-if), 2 error.";

/// The whole command line.
#[derive(Parser, Debug)]
#[command(name = "shillproof", version, about = ABOUT, after_help = EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    global: Global,
}

#[derive(Subcommand, Debug)]
enum Command {
    Audit(commands::audit::Audit),
    Craft(commands::craft::Craft),
    Measure(commands::measure::Measure),
    Recommend(commands::recommend::Recommend),
    Detect(commands::detect::Detect),
    Run(commands::run::Run),
    Plan(commands::plan::Plan),
    Check(commands::check::Check),
    Merge(commands::merge::Merge),
    Report(commands::report::Report),
    Reproduce(commands::reproduce::Reproduce),
    Leaderboard(commands::leaderboard::Leaderboard),
    Data(commands::data::Data),
    List(commands::list::List),
    Explain(commands::explain::Explain),
    Schema(commands::schema::Schema),
    Completions(commands::completions::Completions),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = Session::start(&cli.global).and_then(|session| match cli.command {
        Command::Audit(audit) => audit.run(&session),
        Command::Craft(craft) => craft.run(&session),
        Command::Measure(measure) => measure.run(&session),
        Command::Recommend(recommend) => recommend.run(&session),
        Command::Detect(detect) => detect.run(&session),
        Command::Run(run) => run.run(&session),
        Command::Plan(plan) => plan.run(&session),
        Command::Check(check) => check.run(),
        Command::Merge(merge) => merge.run(&session),
        Command::Report(report) => report.run(&session),
        Command::Reproduce(reproduce) => reproduce.run(&session),
        Command::Leaderboard(leaderboard) => leaderboard.run(&session),
        Command::Data(data) => data.run(&session),
        Command::List(list) => list.run(),
        Command::Explain(explain) => explain.run(),
        Command::Schema(_) => commands::schema::Schema::run(),
        Command::Completions(completions) => completions.run(),
    });
    match outcome {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::GateFailed) => ExitCode::from(1),
        Err(failure) => {
            failure.print();
            ExitCode::from(2)
        }
    }
}
