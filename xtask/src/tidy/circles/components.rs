//! Strongly connected components of a small graph.

/// The components of more than one node, each in ascending order.
pub(super) fn of(nodes: usize, edges: &[(usize, usize)]) -> Vec<Vec<usize>> {
    let reachable: Vec<Vec<bool>> = (0..nodes).map(|from| reachable_from(from, nodes, edges)).collect();
    let component = |node: usize| -> Vec<usize> {
        (0..nodes).filter(|&other| other == node || reachable[node][other] && reachable[other][node]).collect()
    };
    (0..nodes).map(|node| (node, component(node))).filter(|(n, c)| c.len() > 1 && c[0] == *n).map(|(_, c)| c).collect()
}

fn reachable_from(from: usize, nodes: usize, edges: &[(usize, usize)]) -> Vec<bool> {
    let mut seen = vec![false; nodes];
    let mut open = vec![from];
    while let Some(node) = open.pop() {
        for &(_, to) in edges.iter().filter(|(a, _)| *a == node) {
            if !std::mem::replace(&mut seen[to], true) {
                open.push(to);
            }
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn components_are_the_circles_and_nothing_else() {
        let none: Vec<Vec<usize>> = Vec::new();
        assert_eq!(of(3, &[(0, 1), (1, 2), (0, 2)]), none);
        assert_eq!(of(5, &[(0, 1), (1, 2), (2, 1), (3, 4), (4, 3), (2, 3)]), [[1, 2], [3, 4]]);
        assert_eq!(of(3, &[(0, 1), (1, 2), (2, 0)]), [[0, 1, 2]]);
    }
}
