using TeraIO.Core.Tracing;
using TeraIO.Planner.Lifetimes;

namespace TeraIO.Cli.Inspection;

/// <summary>The tensors of one kind together.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Count">How many.</param>
/// <param name="Bytes">All of them together, whether alive at once or not.</param>
/// <param name="BytesAtPeak">Those alive at the op with the highest memory.</param>
/// <param name="IdleShare">Share of their byte-ops in which no op uses them: what a plan can work with.</param>
internal sealed record KindSummary(TensorKind Kind, int Count, long Bytes, long BytesAtPeak, double IdleShare)
{
    private sealed class Sum
    {
        public int Count;
        public long Bytes;
        public long AtPeak;
        public double Alive;
        public double Idle;
    }

    public static IReadOnlyList<KindSummary> Of(Trace trace, TraceLifetimes lifetimes, int peakOp)
    {
        var sums = new SortedDictionary<TensorKind, Sum>();
        for (int t = 0; t < trace.Tensors.Length; t++)
        {
            TraceTensor tensor = trace.Tensors[t];
            TensorLifetime life = lifetimes.Tensors[t];
            if (!sums.TryGetValue(tensor.Kind, out Sum? sum)) sums.Add(tensor.Kind, sum = new Sum());
            sum.Count++;
            sum.Bytes += tensor.Bytes;
            if (life.IsAliveAt(peakOp)) sum.AtPeak += tensor.Bytes;
            sum.Alive += (double)tensor.Bytes * OpsAlive(life, trace.Ops.Length);
            for (int p = 0; p < life.PeriodCount; p++) sum.Idle += (double)tensor.Bytes * lifetimes.Periods[life.FirstPeriod + p].IdleOps;
        }

        return [.. sums.Select(static p => new KindSummary(p.Key, p.Value.Count, p.Value.Bytes, p.Value.AtPeak, p.Value.Alive > 0 ? p.Value.Idle / p.Value.Alive : 0))];
    }

    private static int OpsAlive(TensorLifetime life, int ops) => life.IsPersistent ? ops
        : life.WrapsIteration ? ops - life.CreateOp + life.FreeOp + 1 : life.FreeOp - life.CreateOp + 1;
}
