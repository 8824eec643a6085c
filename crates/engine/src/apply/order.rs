//! The order of an apply: what may start, and what first.

use std::collections::BinaryHeap;

use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};

use crate::plan::{Node, OpId};

/// Which operations may start. Ready work is ordered by the longest path that remains behind it.
pub(crate) struct Order {
    graph: DiGraph<Node, ()>,
    waiting: Vec<u32>,
    weight: Vec<u32>,
    ready: BinaryHeap<(u32, std::cmp::Reverse<NodeIndex>)>,
    dropped: Vec<bool>,
}

impl Order {
    /// The order of a plan's graph, which must have no cycle.
    pub(crate) fn new(graph: DiGraph<Node, ()>, slow: impl Fn(OpId) -> u32) -> Order {
        let n = graph.node_count();
        let mut waiting = vec![0; n];
        for e in graph.raw_edges() {
            waiting[e.target().index()] += 1;
        }
        let mut order = Order { waiting, weight: vec![0; n], ready: BinaryHeap::new(), dropped: vec![false; n], graph };
        for i in petgraph::algo::toposort(&order.graph, None).unwrap_or_default().into_iter().rev() {
            let behind = order.graph.neighbors(i).map(|j| order.weight[j.index()]).max().unwrap_or(0);
            let own = match order.graph[i] {
                Node::Op(id) => slow(id),
                Node::Join => 0,
            };
            order.weight[i.index()] = behind.saturating_add(own);
        }
        let first: Vec<_> = order.graph.node_indices().filter(|i| order.waiting[i.index()] == 0).collect();
        first.into_iter().for_each(|i| order.release(i));
        order
    }
    /// The next operation that may start.
    pub(crate) fn next(&mut self) -> Option<(NodeIndex, OpId)> {
        while let Some((_, std::cmp::Reverse(i))) = self.ready.pop() {
            if let Node::Op(id) = self.graph[i] {
                return Some((i, id));
            }
        }
        None
    }
    /// What waited for this node may start.
    pub(crate) fn done(&mut self, i: NodeIndex) {
        let next: Vec<_> = self.graph.neighbors(i).collect();
        for j in next {
            self.waiting[j.index()] -= 1;
            if self.waiting[j.index()] == 0 && !self.dropped[j.index()] {
                self.release(j);
            }
        }
    }
    /// Nothing behind this node can start any more; returns the operations that are dropped by it.
    pub(crate) fn drop_behind(&mut self, i: NodeIndex) -> Vec<OpId> {
        let mut out = Vec::new();
        let mut stack: Vec<_> = self.graph.neighbors_directed(i, Direction::Outgoing).collect();
        while let Some(j) = stack.pop() {
            if std::mem::replace(&mut self.dropped[j.index()], true) {
                continue;
            }
            if let Node::Op(id) = self.graph[j] {
                out.push(id);
            }
            stack.extend(self.graph.neighbors(j));
        }
        out
    }
    fn release(&mut self, i: NodeIndex) {
        match self.graph[i] {
            Node::Op(_) => self.ready.push((self.weight[i.index()], std::cmp::Reverse(i))),
            Node::Join => self.done(i),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_paths_first_and_failures_stop_only_what_depends_on_them() {
        let mut g = DiGraph::new();
        let n: Vec<_> = (0..5).map(|i| g.add_node(Node::Op(OpId(i)))).collect();
        let join = g.add_node(Node::Join);
        // 0 → 1 → join → 2, 3 → 4
        for (a, b) in [(n[0], n[1]), (n[1], join), (join, n[2]), (n[3], n[4])] {
            g.add_edge(a, b, ());
        }
        let mut o = Order::new(g, |_| 1);
        let first: Vec<_> = std::iter::from_fn(|| o.next()).collect();
        assert_eq!(first.iter().map(|(_, id)| id.0).collect::<Vec<_>>(), [0, 3]);
        assert_eq!(o.drop_behind(n[3]), [OpId(4)]);
        o.done(n[0]);
        assert_eq!(o.next().map(|(_, id)| id), Some(OpId(1)));
        o.done(n[1]);
        assert_eq!(o.next().map(|(_, id)| id), Some(OpId(2)));
        assert!(o.next().is_none());
    }
}
