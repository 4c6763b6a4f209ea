using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Simulation;

namespace TeraIO.Planner.Policies.Published;

/// <summary>
/// The planner of G10 (MICRO 2023, arXiv 2310.09443) as its public simulator has it: the inactive period with the largest area - size times the
/// seconds of the ops over 99 % of the budget, from the middle of its write to the middle of its read - is migrated, ties by length times size. A period
/// must outlast both transfers one and a quarter times, latencies included. SSD, unless its write bandwidth up to the ideal end of the write is
/// booked out and host memory has room. Periods that wrap around the iteration are charged no bandwidth and count in full. At the end
/// each read is moved earlier as far as the estimated memory allows. At run time the least recently used leaves when the plan falls short.
/// <para>As in the paper's ranking areas only sink while the plan grows, so they are recomputed when they come first.</para>
/// </summary>
internal sealed class G10Policy : IMigrationPolicy
{
    private const double Line = 0.99;
    private const double SystemLatency = 45e-6; // seconds per transfer that the simulator adds to the device's own
    private const double Delta = 0.5;

    private readonly record struct Window(TierBooks Books, int WriteEnd, int ReadBegin, int HalfWritten, int HalfRead, bool IsBooked);

    private readonly record struct Migration(InactivePeriod Period, Window Window);

    public string Name => "g10";

    public string Description => "G10 (MICRO 2023): inactive periods by size times time over the limit, bandwidth booked per op, reads moved early.";

    public PolicyResult Plan(Trace trace, MachineModel machine, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(machine);
        var context = new SimulationContext(trace);
        MigrationPlan plan = MigrationPlan.OnDemand(trace, machine.MemoryBudget, EvictionOrder.LeastRecentlyUsed, Name);
        if (context.WhyInfeasible(machine.MemoryBudget) is null)
        {
            plan = plan with { Migrations = PlanAssembly.InOrder(new Planning(context, machine, progress, cancellation).Choose()) };
        }

        return PlanAssembly.Simulate(context, machine, plan);
    }

    private sealed class Planning
    {
        private readonly SimulationContext _context;
        private readonly MachineModel _machine;
        private readonly IProgress<double>? _progress;
        private readonly CancellationToken _cancellation;
        private readonly long _line;
        private readonly long[] _memory;
        private readonly CriticalOps _critical;
        private readonly TierBooks _ssd;
        private readonly TierBooks? _host;
        private readonly double[] _endOf;
        private readonly List<Migration> _chosen = [];

        public Planning(SimulationContext context, MachineModel machine, IProgress<double>? progress, CancellationToken cancellation)
        {
            _context = context;
            _machine = machine;
            _progress = progress;
            _cancellation = cancellation;
            _line = (long)(Line * machine.MemoryBudget);
            _memory = MemoryEstimate.PerOp(context);
            _critical = new CriticalOps(_memory, context.Seconds, _line);
            _ssd = new TierBooks(MemoryTier.Ssd, machine.Storage, context.Seconds);
            _host = machine.Host is null ? null : new TierBooks(MemoryTier.Host, machine.Host, context.Seconds);
            _endOf = new double[context.OpCount];
            double sum = 0;
            for (int op = 0; op < _endOf.Length; op++) _endOf[op] = sum += context.Seconds[op];
        }

        public List<PlannedMigration> Choose()
        {
            int criticalAtFirst = _critical.Count;
            if (criticalAtFirst == 0) return [];
            List<InactivePeriod> periods = InactivePeriod.AllOf(_context);
            var queue = new PriorityQueue<int, Rank>();
            for (int i = 0; i < periods.Count; i++)
            {
                InactivePeriod period = periods[i];
                if (period.Length < 2) continue; // G10 skips gaps of one kernel
                double weight = period.Bytes * SecondsOf(period);
                queue.Enqueue(i, new Rank((double)period.Bytes * _critical.Duration(period.After + 1, period.Before - 1), weight, i));
            }

            int rounds = 0;
            while (_critical.Count > 0 && queue.TryPeek(out int chosen, out Rank stale))
            {
                if ((++rounds & 1023) == 0)
                {
                    _cancellation.ThrowIfCancellationRequested();
                    _progress?.Report(1 - _critical.Count / (double)criticalAtFirst);
                }

                InactivePeriod period = periods[chosen];
                if (WindowOf(period) is not { } window || _critical.Duration(window.HalfWritten, window.HalfRead - 1) is not (> 0 and long duration))
                {
                    queue.Dequeue(); // too short, or of no use, and never will be
                    continue;
                }

                var current = new Rank((double)period.Bytes * duration, stale.Weight, chosen);
                if (current.CompareTo(stale) > 0)
                {
                    queue.DequeueEnqueue(chosen, current); // others may come first now
                    continue;
                }

                queue.Dequeue();
                Take(period, window);
            }

            _progress?.Report(1);
            return MoveReadsEarly();
        }

        /// <summary>Where a period would go and when it would be away; null when it is too short.</summary>
        private Window? WindowOf(in InactivePeriod period)
        {
            double seconds = SecondsOf(period);
            bool fitsSsd = seconds > SafeSeconds(_machine.Storage, period.Bytes);
            bool fitsHost = _host is not null && seconds > SafeSeconds(_machine.Host!, period.Bytes) && _host.HasSpace(period);
            if (!fitsSsd && !fitsHost) return null;
            bool wraps = period.Before >= _context.OpCount;
            if (wraps) return Unbooked(fitsSsd ? _ssd : _host!, fitsSsd ? _machine.Storage : _machine.Host!, period);
            bool isBookedOut = fitsHost && _ssd.Writes.EarliestEnd(period.After + 1, 1) > OpAfter(period.After, period.Bytes / _machine.Storage.WriteBandwidth);
            return (fitsSsd && !isBookedOut ? Booked(_ssd, period) : null) ?? (fitsHost ? Booked(_host!, period) : null);
        }

        private static Window? Booked(TierBooks books, in InactivePeriod period)
        {
            int writeEnd = books.Writes.EarliestEnd(period.After + 1, period.Bytes);
            int readBegin = books.Reads.LatestBegin(period.Before - 1, period.Bytes);
            if (writeEnd >= period.Before || readBegin <= writeEnd) return null;
            long half = Math.Max(1, period.Bytes / 2);
            return new Window(
                books,
                writeEnd,
                readBegin,
                books.Writes.EarliestEnd(period.After + 1, half),
                Math.Max(readBegin, books.Reads.LatestBegin(period.Before - 1, half)),
                IsBooked: true);
        }

        /// <summary>By a fixed formula and with no booking, as G10 treats what it calls looped intervals.</summary>
        private Window? Unbooked(TierBooks books, TierModel model, in InactivePeriod period)
        {
            int writeEnd = OpAfter(period.After, period.Bytes / model.WriteBandwidth + model.LatencySeconds);
            int readBegin = OpBefore(period.Before, period.Bytes / model.ReadBandwidth + model.LatencySeconds);
            return writeEnd >= readBegin ? null : new Window(books, writeEnd, readBegin, period.After + 1, period.Before, IsBooked: false);
        }

        private void Take(in InactivePeriod period, in Window window)
        {
            _critical.Relieve(window.WriteEnd + 1, window.ReadBegin - 1, period.Bytes);
            if (window.IsBooked)
            {
                window.Books.Writes.BookForward(period.After + 1, period.Bytes);
                window.Books.Reads.BookBackward(period.Before - 1, period.Bytes);
            }

            window.Books.Hold(period);
            _chosen.Add(new Migration(period, window));
        }

        /// <summary>Reads by their latest begin, each as much earlier as the estimate stays under the line after the end of its write.</summary>
        private List<PlannedMigration> MoveReadsEarly()
        {
            var migrations = new List<PlannedMigration>(2 * _chosen.Count);
            int ops = _context.OpCount;
            var estimate = new MaxTree(_memory);
            foreach (Migration m in _chosen)
            {
                if (m.Window.ReadBegin - 1 >= m.Window.WriteEnd + 1) estimate.AddCyclic(m.Window.WriteEnd + 1, m.Window.ReadBegin - 1, -m.Period.Bytes);
            }

            _chosen.Sort(static (a, b) => a.Window.ReadBegin != b.Window.ReadBegin ? a.Window.ReadBegin.CompareTo(b.Window.ReadBegin) : a.Period.After.CompareTo(b.Period.After));
            foreach ((InactivePeriod period, Window window) in _chosen)
            {
                int begin = window.ReadBegin;
                int full = LastOver(estimate, begin - 1, _line - period.Bytes + 1);
                int earliest = Math.Min(begin, Math.Max(window.WriteEnd + 1, full + 1));
                if (earliest < begin) estimate.AddCyclic(earliest, begin - 1, period.Bytes);
                PlanAssembly.AddRoundTrip(
                    migrations, period.Tensor, period.Bytes, window.Books.Tier, period.After, (window.WriteEnd + 1) % ops, earliest % ops, period.Before % ops);
            }

            return migrations;
        }

        /// <summary>The last op up to <paramref name="op"/>, which may lie in the next iteration, at which the estimate reaches a value.</summary>
        private static int LastOver(MaxTree estimate, int op, long value)
        {
            if (op < estimate.Count) return estimate.FindLast(op, value);
            int found = estimate.FindLast(op - estimate.Count, value);
            return found >= 0 ? found + estimate.Count : estimate.FindLast(estimate.Count - 1, value);
        }

        private static double SafeSeconds(TierModel model, long bytes)
        {
            double oneWay = model.LatencySeconds + SystemLatency + bytes / Math.Min(model.ReadBandwidth, model.WriteBandwidth);
            return (2 + Delta) * oneWay;
        }

        private double SecondsOf(in InactivePeriod period) => EndOf(period.Before - 1) - EndOf(period.After);

        private double EndOf(int op) => op < _endOf.Length ? _endOf[op] : _endOf[^1] + _endOf[op - _endOf.Length];

        /// <summary>The op during which so many seconds after the end of <paramref name="op"/> have passed.</summary>
        private int OpAfter(int op, double seconds)
        {
            double end = EndOf(op) + seconds;
            int low = op + 1;
            int high = 2 * _endOf.Length - 1;
            while (low < high)
            {
                int middle = (low + high) / 2;
                if (EndOf(middle) >= end) high = middle;
                else low = middle + 1;
            }

            return low;
        }

        /// <summary>The last op whose begin is at least so many seconds before that of <paramref name="op"/>.</summary>
        private int OpBefore(int op, double seconds)
        {
            double begin = EndOf(op - 1) - seconds;
            int low = 0;
            int high = op;
            while (low < high)
            {
                int middle = (low + high + 1) / 2;
                if (EndOf(middle - 1) <= begin) low = middle;
                else high = middle - 1;
            }

            return low;
        }
    }
}
