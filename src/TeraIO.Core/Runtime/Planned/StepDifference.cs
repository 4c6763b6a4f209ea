namespace TeraIO.Core.Runtime.Planned;

/// <summary>Holds the op stream of one step against another's: equal ones can share a plan.</summary>
internal static class StepDifference
{
    /// <summary>The first op that differs, in words; null when the steps are the same.</summary>
    public static string? Find(StepRecord earlier, StepRecord later)
    {
        int common = Math.Min(earlier.Ops.Count, later.Ops.Count);
        for (int i = 0; i < common; i++)
        {
            if (earlier.Ops[i].Signature == later.Ops[i].Signature) continue;
            return $"step {later.Number} differs from step {earlier.Number} at op {i}: {Describe(later, i)} instead of {Describe(earlier, i)}";
        }

        return earlier.Ops.Count == later.Ops.Count
            ? null
            : $"step {later.Number} has {later.Ops.Count} ops, step {earlier.Number} had {earlier.Ops.Count}; the first {common} are the same";
    }

    private static string Describe(StepRecord record, int op)
    {
        var sizes = new List<string>();
        foreach (StreamEvent e in record.EventsOf(op))
        {
            if (e.Kind != StreamEventKind.Free && sizes.Count < 6) sizes.Add(new ByteSize(e.Block.Bytes).ToString());
        }

        return $"{record.Ops[op].Identity.Name} ({string.Join(", ", sizes)})";
    }
}
