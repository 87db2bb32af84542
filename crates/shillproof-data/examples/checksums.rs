//! Reads every known data set as its usual files lie in `$SHILLPROOF_DATA` and prints, as JSON, the checksums
//! that `src/known/sets.toml` stores: `cargo run -p shillproof-data --example checksums`.

use std::path::PathBuf;

use shillproof_data::{Dataset, known, load_files};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(std::env::var("SHILLPROOF_DATA")?);
    let mut all = serde_json::Map::new();
    for set in known::list() {
        let files: Vec<PathBuf> = set
            .files
            .iter()
            .map(|file| {
                let plain = root.join(set.folder()).join(file);
                let packed = PathBuf::from(format!("{}.gz", plain.display()));
                if packed.is_file() { packed } else { plain }
            })
            .collect();
        let data: Dataset = load_files(&set.name, &files, &set.read)?;
        all.insert(
            set.name.clone(),
            serde_json::json!({
                "users": data.users.len(),
                "items": data.items.len(),
                "interactions": data.interactions.len(),
                "rows": data.rows,
                "checksum": data.checksum,
                "ratings_checksum": data.checksum_without_times(),
                "notes": data.notes,
            }),
        );
    }
    println!("{}", serde_json::to_string_pretty(&all)?);
    Ok(())
}
