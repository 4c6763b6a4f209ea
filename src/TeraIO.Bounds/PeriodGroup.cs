using System.Runtime.InteropServices;
using TeraIO.Core.Tracing;

namespace TeraIO.Bounds;

/// <summary>
/// Bytes with one history between two changes: the store's copy, once written, serves all the periods. Tensors whose periods fall between the same checkpoints are one group: in a chunked program only their sum counts.
/// </summary>
/// <param name="IsNeverDirty">The store holds the bytes from the start.</param>
/// <param name="Periods">In the order of time.</param>
/// <param name="Bytes">Sum over the tensors.</param>
internal sealed record PeriodGroup(bool IsNeverDirty, GroupPeriod[] Periods, long Bytes)
{
    /// <summary>Groups the periods that contain a checkpoint; the others cannot help any check.</summary>
    public static List<PeriodGroup> Of(Trace trace, List<IdlePeriod> periods, Checkpoints checkpoints)
    {
        var bytes = new Dictionary<GroupKey, long>();
        var history = new List<GroupPeriod>();
        for (int i = 0; i < periods.Count; i++)
        {
            IdlePeriod period = periods[i];
            int first = checkpoints.CountThrough(period.Start), last = checkpoints.CountThrough(period.End - 1) - 1;
            if (first <= last)
            {
                bool isReleasedAtEnd = !period.IsNeverDirty && checkpoints.PositionAfter(checkpoints.Wrap(first - 1)) is int next
                    && (next == period.Start + 1 || next == period.Start + 1 + 2 * trace.Ops.Length)
                    && checkpoints.Positions[checkpoints.Wrap(first - 1)] != period.Start;
                int from = 0, until = -1;
                if (period.CanBeWrittenBefore)
                    (from, until) = (checkpoints.CountThrough(period.DirtySince) - 1, checkpoints.CountThrough(period.Start - 1) - 1);
                history.Add(new GroupPeriod(first, last, period.EndsInFree, isReleasedAtEnd, from, until));
            }

            bool isLastOfHistory = i + 1 == periods.Count || periods[i + 1].Tensor != period.Tensor || periods[i + 1].History != period.History
                || period.IsNeverDirty;
            if (!isLastOfHistory || history.Count == 0) continue;
            CollectionsMarshal.GetValueRefOrAddDefault(bytes, new GroupKey(period.IsNeverDirty, [.. history]), out _) += trace.Tensors[period.Tensor].Bytes;
            history.Clear();
        }

        return [.. bytes.Select(static pair => new PeriodGroup(pair.Key.IsNeverDirty, pair.Key.Periods, pair.Value))];
    }

    private readonly record struct GroupKey(bool IsNeverDirty, GroupPeriod[] Periods)
    {
        public bool Equals(GroupKey other) => IsNeverDirty == other.IsNeverDirty && Periods.AsSpan().SequenceEqual(other.Periods);

        public override int GetHashCode()
        {
            var hash = new HashCode();
            hash.Add(IsNeverDirty);
            foreach (GroupPeriod period in Periods) hash.Add(period);
            return hash.ToHashCode();
        }
    }
}
