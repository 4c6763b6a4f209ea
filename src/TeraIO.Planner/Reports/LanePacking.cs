namespace TeraIO.Planner.Reports;

/// <summary>Puts intervals that overlap into lanes of their own, so that each can be drawn as a bar: the fewest lanes that do.</summary>
public static class LanePacking
{
    /// <summary>The lane of each interval, from 0; two in one lane never overlap (they may touch).</summary>
    /// <param name="intervals">Start and end; by start.</param>
    /// <exception cref="ArgumentException">They are not sorted by start, or one ends before it starts.</exception>
    public static int[] Pack(IReadOnlyList<(double Start, double End)> intervals)
    {
        ArgumentNullException.ThrowIfNull(intervals);
        var lanes = new int[intervals.Count];
        var busy = new PriorityQueue<int, double>(); // lanes in use, by when they become free
        var free = new PriorityQueue<int, int>(); // the lowest number first: bars stay near the top
        int count = 0;
        double before = double.NegativeInfinity;
        for (int i = 0; i < lanes.Length; i++)
        {
            (double start, double end) = intervals[i];
            if (start < before) throw new ArgumentException($"Interval {i} starts before the one before it.", nameof(intervals));
            if (end < start) throw new ArgumentException($"Interval {i} ends before it starts.", nameof(intervals));
            before = start;
            while (busy.TryPeek(out int lane, out double until) && until <= start)
            {
                busy.Dequeue();
                free.Enqueue(lane, lane);
            }

            lanes[i] = free.TryDequeue(out int reused, out _) ? reused : count++;
            busy.Enqueue(lanes[i], end);
        }

        return lanes;
    }
}
