namespace TeraIO.Core.Tests.CudaOrdering;

/// <summary>Walks through every state that a machine can reach, whichever of its threads and streams goes on first.</summary>
internal static class Explorer
{
    private const int MostStates = 2_000_000;

    /// <summary>What was found: nothing (<see cref="Violation"/> is null), or the shortest way to a wrong state.</summary>
    internal sealed record Report(int States, int Ends, string? Violation, IReadOnlyList<string> Way)
    {
        public override string ToString() =>
            Violation is null ? $"{States} states, {Ends} ends, nothing wrong" : $"{Violation}, after:\n  {string.Join("\n  ", Way)}";
    }

    private sealed record Node(Node? Before, string Step);

    /// <summary>
    /// Breadth first. A state without a next step is the end of the program or a deadlock. States are told apart by their whole
    /// description, so that none is taken for another.
    /// </summary>
    public static Report Explore(Machine start)
    {
        var seen = new HashSet<string> { start.Description };
        var open = new Queue<(Machine Machine, Node? Node)>();
        open.Enqueue((start, null));
        int ends = 0;
        while (open.TryDequeue(out var current))
        {
            bool moved = false;
            foreach (var (step, next) in current.Machine.Steps())
            {
                moved = true;
                if (next.Violation is null && !seen.Add(next.Description))
                    continue;
                var node = new Node(current.Node, step);
                if (next.Violation is { } violation)
                    return new Report(seen.Count, ends, violation, WayTo(node));
                open.Enqueue((next, node));
            }
            if (!moved)
            {
                if (current.Machine.WhatIsWrongAtTheEnd() is { } reason)
                    return new Report(seen.Count, ends, reason, WayTo(current.Node));
                ends++;
            }
            if (seen.Count > MostStates)
                throw new InvalidOperationException($"more than {MostStates} states: make the scenario smaller");
        }
        return new Report(seen.Count, ends, null, []);
    }

    private static List<string> WayTo(Node? node)
    {
        var way = new List<string>();
        for (; node is not null; node = node.Before)
            way.Add(node.Step);
        way.Reverse();
        return way;
    }
}
