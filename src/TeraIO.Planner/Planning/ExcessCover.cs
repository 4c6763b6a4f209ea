using TeraIO.Planner.Lifetimes;

namespace TeraIO.Planner.Planning;

/// <summary>
/// Selects periods until no op has more in memory than the limit: always the one that takes the most excess away per transfer time. The excess counts in
/// byte-seconds and the benefit of a period is capped at what is really over the limit (TERAIO's Algorithm 1 credits the full size and its size then cancels
/// out). A large trace is looked at in at most <see cref="MostBuckets"/> buckets of ops; what is left over is refined in further rounds on exactly those ops.
/// Benefits only fall while periods are selected, so stale heap entries are upper bounds: an entry that stays on top after it is brought up to date is
/// the best one (lazy greedy).
/// </summary>
internal sealed class ExcessCover(PlanningProblem problem, OpClock clock, TransferCosts costs, ReliefWindows relief)
{
    private const int MostBuckets = 512;
    private const int MostRounds = 6;

    /// <summary>An entry this near to the next best is taken: which of two about equal ones comes first does not matter.</summary>
    private const double Tolerance = 0.95;

    private const int BlockBuckets = 32;

    private Block[] _blocks = [];
    private int[] _bucketOfOp = [];
    private int[] _bucketStart = []; // one more than buckets
    private double[] _weight = [];
    private double[] _excess = [];
    private double[] _weightBefore = []; // sums over buckets with excess, at the begin of the round
    private double[] _excessBefore = [];

    /// <summary>Sums over buckets side by side, those without excess left out.</summary>
    private struct Block
    {
        public double Least;
        public double Most;
        public double Weight;
        public double Excess;
    }

    /// <summary>Adds to the selection.</summary>
    /// <param name="selection">What is away already.</param>
    /// <param name="curve">Bytes in memory at each op with that selection; brought up to date.</param>
    /// <param name="limit">How many there may be.</param>
    /// <param name="candidates">Periods that may be selected.</param>
    /// <returns>Whether no op is over the limit any more.</returns>
    public bool Run(PeriodSelection selection, CyclicRangeTree curve, long limit, IReadOnlyList<int> candidates)
    {
        var values = new long[problem.Ops];
        for (int round = 0; round < MostRounds && curve.Max > limit; round++)
        {
            curve.CopyTo(values);
            MakeBuckets(values, limit);
            if (!RunOnBuckets(selection, curve, candidates)) break;
        }

        return curve.Max <= limit;
    }

    /// <summary>Ops over the limit get buckets of their own as far as there are enough; stretches without excess are one bucket each.</summary>
    private void MakeBuckets(long[] values, long limit)
    {
        int ops = values.Length;
        int over = 0;
        int runs = 0;
        for (int op = 0; op < ops; op++)
        {
            if (values[op] <= limit) continue;
            over++;
            if (op == 0 || values[op - 1] <= limit) runs++;
        }

        int perBucket = Math.Max(1, (int)Math.Ceiling(over / (double)Math.Max(1, MostBuckets - 2 * Math.Min(runs, MostBuckets / 4))));
        var starts = new List<int>();
        _bucketOfOp = new int[ops];
        int inBucket = 0;
        for (int op = 0; op < ops; op++)
        {
            bool isOver = values[op] > limit;
            bool begins = op == 0 || isOver != values[op - 1] > limit || (isOver && inBucket == perBucket);
            if (begins)
            {
                starts.Add(op);
                inBucket = 0;
            }

            inBucket++;
            _bucketOfOp[op] = starts.Count - 1;
        }

        starts.Add(ops);
        _bucketStart = [.. starts];
        _weight = new double[starts.Count - 1];
        _excess = new double[starts.Count - 1];
        // An op without duration still counts: its excess has to go as well.
        double floor = Math.Max(clock.StepSeconds, 1e-9) / ops * 0.01;
        for (int b = 0; b < _excess.Length; b++)
        {
            for (int op = _bucketStart[b]; op < _bucketStart[b + 1]; op++)
            {
                _excess[b] = Math.Max(_excess[b], values[op] - limit);
                _weight[b] += clock.End(op) - clock.Start(op) + floor;
            }
        }

        _blocks = new Block[(_excess.Length + BlockBuckets - 1) / BlockBuckets];
        SumBlocks(0, _excess.Length);
        _weightBefore = new double[starts.Count];
        _excessBefore = new double[starts.Count];
        for (int b = 0; b < _excess.Length; b++)
        {
            _weightBefore[b + 1] = _weightBefore[b] + (_excess[b] > 0 ? _weight[b] : 0);
            _excessBefore[b + 1] = _excessBefore[b] + _weight[b] * _excess[b];
        }
    }

    private bool RunOnBuckets(PeriodSelection selection, CyclicRangeTree curve, IReadOnlyList<int> candidates)
    {
        double left = 0;
        for (int b = 0; b < _excess.Length; b++) left += _excess[b] > 0 ? 1 : 0;
        var heap = new PriorityQueue<int, double>();
        foreach (int p in candidates)
        {
            if (!selection[p] && MostScore(selection, p) is > 0 and var score) heap.Enqueue(p, -score);
        }

        bool any = false;
        while (left > 0 && heap.TryDequeue(out int p, out double stale))
        {
            if (selection[p]) continue;
            double score = Score(selection, p);
            if (score <= 0) continue;
            if (heap.TryPeek(out _, out double next) && score < -next * Tolerance && score < -stale)
            {
                heap.Enqueue(p, -score);
                continue;
            }

            Select(selection, curve, p, ref left);
            any = true;
            ReconsiderVersion(selection, p, heap);
        }

        return any;
    }

    private void Select(PeriodSelection selection, CyclicRangeTree curve, int p, ref double left)
    {
        long bytes = problem.Period(p).Bytes;
        selection.Add(p);
        (int first, int count) = relief[p];
        curve.Add(first, count, -bytes);
        (int low, int high, int wrappedHigh) = BucketsWithin(first, count);
        left -= Lower(low, high, bytes) + Lower(0, wrappedHigh, bytes);
    }

    /// <returns>How many buckets are not over the limit any more.</returns>
    private int Lower(int low, int high, long bytes)
    {
        int done = 0;
        for (int b = low; b < high; b++)
        {
            if (_excess[b] <= 0) continue;
            _excess[b] -= bytes;
            if (_excess[b] <= 0) done++;
        }

        SumBlocks(low, high);
        return done;
    }

    /// <summary>The write is paid for: other periods of the same contents are cheaper now.</summary>
    private void ReconsiderVersion(PeriodSelection selection, int p, PriorityQueue<int, double> heap)
    {
        int version = problem.Period(p).Version;
        for (int other = problem.FirstOfVersion[version]; other < problem.FirstOfVersion[version + 1]; other++)
        {
            if (!selection[other] && MostScore(selection, other) is > 0 and var score) heap.Enqueue(other, -score);
        }
    }

    /// <summary>Excess byte-seconds that the period would take away, per second of transfer.</summary>
    private double Score(PeriodSelection selection, int p)
    {
        (int first, int count) = relief[p];
        if (count <= 0) return 0;
        ref readonly InactivePeriod period = ref problem.Period(p);
        double bytes = period.Bytes;
        (int low, int high, int wrappedHigh) = BucketsWithin(first, count);
        double benefit = Benefit(low, high, bytes) + Benefit(0, wrappedHigh, bytes);
        return benefit <= 0 ? 0 : benefit / Math.Max(costs.OfAdding(selection, p, period), bytes * 1e-18);
    }

    /// <summary>An upper bound of the score from sums: only those that come to the top of the heap are worth the exact one.</summary>
    private double MostScore(PeriodSelection selection, int p)
    {
        (int first, int count) = relief[p];
        if (count <= 0) return 0;
        ref readonly InactivePeriod period = ref problem.Period(p);
        (int low, int high, int wrappedHigh) = BucketsWithin(first, count);
        double weight = _weightBefore[high] - _weightBefore[low] + _weightBefore[wrappedHigh];
        double excess = _excessBefore[high] - _excessBefore[low] + _excessBefore[wrappedHigh];
        double benefit = Math.Min(period.Bytes * weight, excess);
        return benefit <= 0 ? 0 : benefit * 1.000001 / Math.Max(costs.OfAdding(selection, p, period), period.Bytes * 1e-18);
    }

    /// <summary>Sum of what <paramref name="bytes"/> take away in buckets; whole blocks at once where all their excesses are above or all below.</summary>
    private double Benefit(int low, int high, double bytes)
    {
        double sum = 0;
        int b = low;
        while (b < high)
        {
            int block = b / BlockBuckets;
            if (b % BlockBuckets == 0 && b + BlockBuckets <= high)
            {
                ref readonly Block whole = ref _blocks[block];
                if (whole.Least >= bytes || whole.Most <= bytes)
                {
                    sum += whole.Least >= bytes ? whole.Weight * bytes : whole.Excess;
                    b += BlockBuckets;
                    continue;
                }
            }

            int end = Math.Min(high, (block + 1) * BlockBuckets);
            for (; b < end; b++)
            {
                double excess = _excess[b];
                if (excess > 0) sum += _weight[b] * Math.Min(excess, bytes);
            }
        }

        return sum;
    }

    private void SumBlocks(int low, int high)
    {
        if (low >= high) return;
        for (int block = low / BlockBuckets; block <= (high - 1) / BlockBuckets; block++)
        {
            var sums = new Block { Least = double.PositiveInfinity };
            int end = Math.Min(_excess.Length, (block + 1) * BlockBuckets);
            for (int b = block * BlockBuckets; b < end; b++)
            {
                double excess = _excess[b];
                if (excess <= 0) continue;
                sums.Least = Math.Min(sums.Least, excess);
                sums.Most = Math.Max(sums.Most, excess);
                sums.Weight += _weight[b];
                sums.Excess += _weight[b] * excess;
            }

            _blocks[block] = sums;
        }
    }

    /// <summary>Buckets that lie wholly inside a cyclic stretch of ops: from low to high, and from 0 when it goes over the iteration's end.</summary>
    private (int Low, int High, int WrappedHigh) BucketsWithin(int first, int count)
    {
        int ops = problem.Ops;
        int end = first + count;
        int low = _bucketOfOp[first];
        if (_bucketStart[low] < first) low++;
        int high = end >= ops ? _bucketStart.Length - 1 : _bucketOfOp[end];
        int wrapped = end <= ops ? 0 : end - ops == ops ? _bucketStart.Length - 1 : _bucketOfOp[end - ops];
        return (low, Math.Max(low, high), wrapped);
    }
}
