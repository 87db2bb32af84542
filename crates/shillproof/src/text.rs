//! Text for the terminal: columns, and pages without their marks.

/// Rows of cells in columns, two blanks apart. A row's last cell makes no column wider.
pub(crate) fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter(|row| row.len() > column + 1).map(|row| &row[column]);
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}")).collect();
        cells.join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

/// A Markdown page as plain text. Headings keep an underline, code its indentation, tables stand in columns.
pub(crate) fn plain(page: &str) -> String {
    let mut out = String::new();
    let mut table: Vec<Vec<String>> = Vec::new();
    let mut code = false;
    for line in page.lines() {
        if !code && line.trim_start().starts_with('|') {
            table.push(cells(line));
            continue;
        }
        out += &ruled(&std::mem::take(&mut table));
        if line.trim_start().starts_with("```") {
            code = !code;
            continue;
        }
        if code {
            out += "    ";
            out += line;
        } else if let Some(title) = line.strip_prefix('#') {
            let title = unmarked(title.trim_start_matches('#').trim());
            let underline = if line.starts_with("##") { "-" } else { "=" };
            out += &title;
            out.push('\n');
            out += &underline.repeat(title.chars().count());
        } else if line.starts_with("    ") {
            out += line;
        } else {
            out += &unmarked(line);
        }
        out.push('\n');
    }
    out + &ruled(&table)
}

/// The cells of one table row.
fn cells(line: &str) -> Vec<String> {
    let inner = line.trim().trim_start_matches('|').trim_end_matches('|');
    inner.replace("\\|", "\u{1}").split('|').map(|cell| unmarked(cell.trim()).replace('\u{1}', "|")).collect()
}

/// A Markdown table in columns, with a rule in place of the dashes under its head.
fn ruled(table: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> =
        table.iter().enumerate().filter(|(at, _)| *at != 1).map(|(_, row)| row.clone()).collect();
    let text = columns(&rows);
    match text.split_once('\n') {
        Some((head, rest)) if table.len() > 1 => {
            let width = text.lines().map(|line| line.chars().count()).max().unwrap_or(0).min(100);
            format!("{head}\n{}\n{rest}", "-".repeat(width))
        }
        _ => text,
    }
}

/// Text without backquotes, double asterisks and link targets.
fn unmarked(text: &str) -> String {
    let text = text.replace('`', "").replace("**", "");
    let mut out = String::new();
    let mut rest = text.as_str();
    // [words](target) keeps its words, and the target where it is an address.
    while let Some(start) = rest.find('[') {
        let link = rest[start + 1..]
            .split_once("](")
            .and_then(|(words, after)| Some((words, after.split_once(')')?)))
            .filter(|(words, _)| !words.contains(['[', ']']));
        let Some((words, (target, after))) = link else {
            out += &rest[..=start];
            rest = &rest[start + 1..];
            continue;
        };
        out += &rest[..start];
        out += words;
        if target.starts_with("http") {
            out += &[" <", target, ">"].concat();
        }
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_go_and_words_stay() {
        let page = "# als: title\n\nA **bold** `word`, a [page](x.md), [a site](https://e.org) and [i in S].\n\n    s(u, i) = `x`\n\n```toml\na = [1]\n```\n";
        assert_eq!(
            plain(page),
            "als: title\n==========\n\nA bold word, a page, a site <https://e.org> and [i in S].\n\n    s(u, i) = `x`\n\n    a = [1]\n"
        );
    }

    #[test]
    fn tables_stand_in_columns() {
        let page = "| name | default |\n|---|---:|\n| `factors` | 64 |\n| a\\|b | é |\nend";
        assert_eq!(plain(page), "name     default\n----------------\nfactors  64\na|b      é\nend\n");
        let rows = [vec!["a", "1", "x"], vec!["bb", "a very long last cell"], vec!["c", "22", "y"]];
        let rows = rows.map(|row| row.into_iter().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(columns(&rows), "a   1   x\nbb  a very long last cell\nc   22  y\n");
        assert_eq!(columns(&[]), "");
    }
}
