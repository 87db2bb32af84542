//! How long a large file takes to load, and how much memory.
//!
//! ```sh
//! cargo run --release -p shillproof-data --example load_time -- make ratings.csv 20000000
//! cargo run --release -p shillproof-data --example load_time -- load ratings.csv
//! ```
//!
//! `make` writes 138,000 users x 27,000 items with that many distinct pairs, long-tailed popularity, half
//! stars and times; users one after another, or with a fourth word `mixed` in the order of time.

use std::io::Write as _;
use std::time::Instant;

use rand::RngExt;
use shillproof_core::Seed;
use shillproof_data::{DataOptions, load};

const USERS: u64 = 138_000;
const ITEMS: f64 = 27_000.0;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match &words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["make", path, rows, order @ ..] => make(path, rows.parse()?, order == ["mixed"])?,
        ["load", path] => time(path)?,
        _ => return Err("say `make FILE ROWS [mixed]` or `load FILE`".into()),
    }
    Ok(())
}

fn time(path: &str) -> Result<(), Box<dyn std::error::Error>> {
    let start = Instant::now();
    let data = load(path, &DataOptions::default())?;
    let seconds = start.elapsed().as_secs_f64();
    let (n, mebibyte) = (data.interactions.len(), f64::from(1 << 20));
    // Items twice, ratings and times: 4 + 4 + 4 + 8 bytes an interaction.
    let size = 20.0 * n as f64 / mebibyte;
    println!("{n} interactions of {} users and {} items", data.users.len(), data.items.len());
    println!("{seconds:.2} s, the matrix takes {size:.0} MiB");
    if let Some(peak) = peak_memory() {
        println!("peak resident memory {:.0} MiB", peak / mebibyte);
    }
    Ok(())
}

/// In bytes; none where the system does not say.
fn peak_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? * 1024.0)
}

fn make(path: &str, rows: u64, mixed: bool) -> Result<(), Box<dyn std::error::Error>> {
    let mut lines: Vec<(u32, u32, u8, u32)> = Vec::with_capacity(rows as usize);
    let mut taken = vec![u32::MAX; ITEMS as usize];
    for user in 0..USERS {
        let mut rng = Seed::new(20).child("load_time").index(user).rng();
        let own = rows * (user + 1) / USERS - rows * user / USERS;
        let mut left = own;
        while left > 0 {
            let item = (ITEMS * rng.random::<f64>().powi(3)) as u32;
            if std::mem::replace(&mut taken[item as usize], user as u32) != user as u32 {
                let half_stars = rng.random_range(1..=10);
                lines.push((user as u32, item, half_stars, 1_000_000_000 + rng.random_range(0..400_000_000)));
                left -= 1;
            }
        }
    }
    if mixed {
        lines.sort_unstable_by_key(|line| line.3);
    }
    let mut out = std::io::BufWriter::new(std::fs::File::create(path)?);
    writeln!(out, "user,item,rating,timestamp")?;
    for (user, item, half_stars, time) in lines {
        writeln!(out, "{},{},{},{time}", user + 1, item + 1, f32::from(half_stars) / 2.0)?;
    }
    out.flush()?;
    Ok(())
}
