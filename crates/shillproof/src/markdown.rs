//! Pages for the terminal: Markdown with its marks taken off and its tables set in columns.

/// Renders `page` as plain text. Headings stay apart by an underline; code keeps its indentation.
pub(crate) fn plain(page: &str) -> String {
    let mut out = String::new();
    let mut table: Vec<Vec<String>> = Vec::new();
    let mut code = false;
    for line in page.lines() {
        if !code && line.trim_start().starts_with('|') {
            table.push(cells(line));
            continue;
        }
        set(&mut out, &std::mem::take(&mut table));
        if line.trim_start().starts_with("```") {
            code = !code;
        } else if code {
            out.push_str(&format!("    {line}\n"));
        } else if let Some(title) = line.strip_prefix('#') {
            let title = unmarked(title.trim_start_matches('#').trim());
            let underline = if line.starts_with("##") { '-' } else { '=' };
            out.push_str(&format!("{title}\n{}\n", underline.to_string().repeat(title.chars().count())));
        } else if line.starts_with("    ") {
            out.push_str(&format!("{line}\n"));
        } else {
            out.push_str(&format!("{}\n", unmarked(line)));
        }
    }
    set(&mut out, &table);
    out
}

/// The cells of one table row.
fn cells(line: &str) -> Vec<String> {
    let inner = line.trim().trim_start_matches('|').trim_end_matches('|');
    inner.replace("\\|", "\u{1}").split('|').map(|cell| unmarked(cell.trim()).replace('\u{1}', "|")).collect()
}

/// Appends a table in columns; the row of dashes under its head becomes a rule.
fn set(out: &mut String, table: &[Vec<String>]) {
    let width = |column: usize| {
        let cells =
            table.iter().enumerate().filter(|(row, _)| *row != 1).filter_map(|(_, row)| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    for (at, row) in table.iter().enumerate() {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width = width(column);
            let cell = if at == 1 { "-".repeat(width) } else { cell.clone() };
            line.push_str(&format!("{cell:width$}  "));
        }
        out.push_str(line.trim_end());
        out.push('\n');
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
            out.push_str(&rest[..=start]);
            rest = &rest[start + 1..];
            continue;
        };
        out.push_str(&rest[..start]);
        out.push_str(words);
        if target.starts_with("http") {
            out.push_str(&format!(" <{target}>"));
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
        assert_eq!(plain(page), "name     default\n-------  -------\nfactors  64\na|b      é\nend\n");
    }
}
