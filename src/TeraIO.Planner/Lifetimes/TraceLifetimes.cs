using TeraIO.Core.Tracing;

namespace TeraIO.Planner.Lifetimes;

/// <summary>
/// The lifetimes of a trace: when each tensor exists, when it lies idle, and how much memory is alive at each op. Everything is cyclic, since iterations
/// repeat. Immutable and thread-safe. Time and memory are linear in ops and accesses.
/// </summary>
public sealed class TraceLifetimes
{
    private readonly TensorLifetime[] _tensors;
    private readonly InactivePeriod[] _periods;
    private readonly long[] _liveBytes;

    private TraceLifetimes(TensorLifetime[] tensors, InactivePeriod[] periods, long[] liveBytes, int versionCount)
    {
        _tensors = tensors;
        _periods = periods;
        _liveBytes = liveBytes;
        VersionCount = versionCount;
        for (int op = 1; op < liveBytes.Length; op++)
        {
            if (liveBytes[op] > liveBytes[PeakOp]) PeakOp = op;
        }
    }

    /// <summary>One per tensor of the trace.</summary>
    public ReadOnlySpan<TensorLifetime> Tensors => _tensors;

    /// <summary>
    /// All inactive periods, tensor by tensor. A tensor's are in cyclic order and begin with one that follows an op that changes it, if there is one; so the
    /// periods of one <see cref="InactivePeriod.Version"/> lie side by side, in the order in which they pass. Movable or not is not asked here.
    /// </summary>
    public ReadOnlySpan<InactivePeriod> Periods => _periods;

    /// <summary>Bytes alive while each op runs, when nothing is moved: what the op makes and its workspace included, what it frees not yet gone.</summary>
    public ReadOnlySpan<long> LiveBytes => _liveBytes;

    /// <summary>Numbers of <see cref="InactivePeriod.Version"/> are below this.</summary>
    public int VersionCount { get; }

    /// <summary>Bytes alive at the op where most are: the memory that an unlimited iteration takes.</summary>
    public long PeakBytes => _liveBytes[PeakOp];

    /// <summary>The op at which that is; the first of several.</summary>
    public int PeakOp { get; }

    /// <summary>Finds the lifetimes of a trace.</summary>
    public static TraceLifetimes Of(Trace trace)
    {
        ArgumentNullException.ThrowIfNull(trace);
        var uses = TensorUses.Of(trace);
        int ops = trace.Ops.Length;
        var tensors = new TensorLifetime[trace.Tensors.Length];
        var periods = new List<InactivePeriod>();
        int version = -1;
        for (int t = 0; t < tensors.Length; t++)
        {
            TraceTensor tensor = trace.Tensors[t];
            ReadOnlySpan<TensorUse> own = uses.Of(t);
            int first = periods.Count;
            if (tensor.IsPersistent) AddPersistent(periods, t, tensor.Bytes, own, ops, ref version);
            else AddTransient(periods, t, tensor.Bytes, own, uses.CreateOp(t), uses.FreeOp(t), ops, ref version);
            tensors[t] = new TensorLifetime(uses.CreateOp(t), uses.FreeOp(t), own.Length, first, periods.Count - first);
        }

        return new TraceLifetimes(tensors, [.. periods], LiveBytesOf(trace, tensors), version + 1);
    }

    /// <summary>Ops from <paramref name="from"/> to <paramref name="to"/>, going forward around the iteration; 0 when they are the same.</summary>
    internal static int Distance(int from, int to, int ops) => to >= from ? to - from : to - from + ops;

    private static void AddPersistent(List<InactivePeriod> periods, int t, long bytes, ReadOnlySpan<TensorUse> uses, int ops, ref int version)
    {
        version++;
        if (uses.Length == 0)
        {
            // Nobody ever asks for it: it leaves once and for all.
            periods.Add(new InactivePeriod(t, bytes, ops - 1, ops - 1, ops, version, IsDirty: false, IsRead: false));
            return;
        }

        int firstDirty = 0;
        while (firstDirty < uses.Length && !uses[firstDirty].MakesDirty) firstDirty++;
        bool isEverWritten = firstDirty < uses.Length;
        if (!isEverWritten) firstDirty = 0;
        for (int i = 0; i < uses.Length; i++)
        {
            int a = (firstDirty + i) % uses.Length;
            int b = (a + 1) % uses.Length;
            if (i > 0 && uses[a].MakesDirty) version++;
            int idle = (uses.Length == 1 ? ops : Distance(uses[a].Op, uses[b].Op, ops)) - 1;
            if (idle > 0) periods.Add(new InactivePeriod(t, bytes, uses[a].Op, uses[b].Op, idle, version, isEverWritten, IsRead: true));
        }
    }

    private static void AddTransient(
        List<InactivePeriod> periods, int t, long bytes, ReadOnlySpan<TensorUse> uses, int createOp, int freeOp, int ops, ref int version)
    {
        // Uses ascend by op; a life that wraps begins in the middle of them.
        int begin = 0;
        while (uses[begin].Op != createOp) begin++;
        version++;
        for (int i = 0; i < uses.Length; i++)
        {
            TensorUse use = uses[(begin + i) % uses.Length];
            if (i > 0 && use.MakesDirty) version++;
            bool isLast = i == uses.Length - 1;
            int end = isLast ? freeOp : uses[(begin + i + 1) % uses.Length].Op;
            int distance = Distance(use.Op, end, ops);
            // After the last use the op that frees it does not need it in memory either.
            int idle = isLast ? distance : distance - 1;
            if (idle > 0) periods.Add(new InactivePeriod(t, bytes, use.Op, end, idle, version, IsDirty: true, IsRead: !isLast));
        }
    }

    private static long[] LiveBytesOf(Trace trace, TensorLifetime[] tensors)
    {
        int ops = trace.Ops.Length;
        var change = new long[ops + 1];
        long always = trace.Header.BaselineBytes;
        for (int t = 0; t < tensors.Length; t++)
        {
            long bytes = trace.Tensors[t].Bytes;
            TensorLifetime life = tensors[t];
            if (life.IsPersistent)
            {
                always += bytes;
                continue;
            }

            change[life.CreateOp] += bytes;
            change[life.FreeOp + 1] -= bytes;
            if (life.WrapsIteration) change[0] += bytes;
        }

        var live = new long[ops];
        long sum = always;
        for (int op = 0; op < ops; op++)
        {
            sum += change[op];
            live[op] = sum + trace.Ops[op].WorkspaceBytes;
        }

        return live;
    }
}
