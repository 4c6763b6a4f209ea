using TeraIO.Core.Tracing;

namespace TeraIO.Planner.Simulation;

/// <summary>
/// What the simulator needs to know of a trace, worked out once and used for any number of plans and machines. Immutable and thread-safe.
/// </summary>
public sealed class SimulationContext
{
    /// <summary>Reads the trace once: O(ops + tensors + accesses).</summary>
    public SimulationContext(Trace trace)
    {
        ArgumentNullException.ThrowIfNull(trace);
        Trace = trace;
        OpCount = trace.Ops.Length;
        TensorCount = trace.Tensors.Length;
        Seconds = new double[OpCount];
        Workspace = new long[OpCount];
        CreatedBytes = new long[OpCount];
        FirstAccess = new int[OpCount + 1];
        NextUse = new int[trace.Accesses.Length];
        FirstUse = new int[TensorCount];
        CreateOp = new int[TensorCount];
        FreeOp = new int[TensorCount];
        Bytes = new long[TensorCount];
        IsMovable = new bool[TensorCount];
        IsLiveAtStart = new bool[TensorCount];
        WorkingSet = new long[OpCount];
        UnmovableBytes = new long[OpCount];
        ReadTensors();
        ReadOps();
        FindNextUses();
        FindWorkingSets();
        IdealSeconds = trace.IdealSeconds;
        BaselineBytes = trace.Header.BaselineBytes;
    }

    /// <summary>What was read.</summary>
    public Trace Trace { get; }

    /// <summary>The op with the largest working set.</summary>
    public int LargestOp { get; private set; }

    /// <summary>
    /// The smallest budget with which every op can run: the baseline, what cannot move, and what the op uses, creates and needs as workspace.
    /// </summary>
    public long SmallestBudget { get; private set; }

    internal int OpCount { get; }

    internal int TensorCount { get; }

    internal double IdealSeconds { get; }

    internal long BaselineBytes { get; }

    internal double[] Seconds { get; }

    internal long[] Workspace { get; }

    /// <summary>Bytes of the tensors that an op creates.</summary>
    internal long[] CreatedBytes { get; }

    /// <summary>Per op the first of its accesses; one more than ops.</summary>
    internal int[] FirstAccess { get; }

    /// <summary>Per access the op that uses its tensor next, in cyclic order; <see cref="OpCount"/> when none ever does.</summary>
    internal int[] NextUse { get; }

    /// <summary>Per tensor its first use in an iteration; <see cref="OpCount"/> when there is none.</summary>
    internal int[] FirstUse { get; }

    /// <summary>Per tensor the op that creates it; -1 for persistent ones.</summary>
    internal int[] CreateOp { get; }

    /// <summary>Per tensor the op after which it is freed; -1 for persistent ones.</summary>
    internal int[] FreeOp { get; }

    internal long[] Bytes { get; }

    internal bool[] IsMovable { get; }

    /// <summary>Exists when the iteration begins.</summary>
    internal bool[] IsLiveAtStart { get; }

    /// <summary>Per op the bytes without which it cannot run, baseline included.</summary>
    internal long[] WorkingSet { get; }

    /// <summary>Per op the baseline and the tensors that cannot move and exist then.</summary>
    internal long[] UnmovableBytes { get; }

    /// <summary>Why <paramref name="budget"/> is not enough; null when it is.</summary>
    internal string? WhyInfeasible(long budget) => SmallestBudget <= budget
        ? null
        : $"Op {LargestOp} ({Trace.Ops[LargestOp].Name}) needs {new Core.ByteSize(SmallestBudget)} in memory at once (the baseline, what cannot move, and what the op uses, "
          + $"creates and needs as workspace); the budget is {new Core.ByteSize(budget)}. The smallest budget that would do is {SmallestBudget} bytes.";

    private void ReadTensors()
    {
        ReadOnlySpan<TraceTensor> tensors = Trace.Tensors;
        for (int i = 0; i < tensors.Length; i++)
        {
            Bytes[i] = tensors[i].Bytes;
            IsMovable[i] = tensors[i].IsMovable;
        }
    }

    private void ReadOps()
    {
        CreateOp.AsSpan().Fill(-1);
        FreeOp.AsSpan().Fill(-1);
        int next = 0;
        for (int op = 0; op < OpCount; op++)
        {
            Seconds[op] = Trace.Ops[op].Seconds;
            Workspace[op] = Trace.Ops[op].WorkspaceBytes;
            FirstAccess[op] = next;
            foreach (ref readonly TraceAccess access in Trace.AccessesOf(op))
            {
                next++;
                if ((access.Kind & AccessKind.Create) != 0)
                {
                    CreateOp[access.Tensor] = op;
                    CreatedBytes[op] += Bytes[access.Tensor];
                }

                if ((access.Kind & AccessKind.Free) != 0) FreeOp[access.Tensor] = op;
            }
        }

        FirstAccess[OpCount] = next;
        for (int i = 0; i < TensorCount; i++) IsLiveAtStart[i] = CreateOp[i] < 0 || FreeOp[i] < CreateOp[i];
    }

    private void FindNextUses()
    {
        ReadOnlySpan<TraceAccess> accesses = Trace.Accesses;
        FirstUse.AsSpan().Fill(OpCount);
        for (int op = OpCount - 1; op >= 0; op--)
        {
            for (int i = FirstAccess[op]; i < FirstAccess[op + 1]; i++)
            {
                if (accesses[i].IsUse) FirstUse[accesses[i].Tensor] = op;
            }
        }

        int[] following = [.. FirstUse];
        for (int op = OpCount - 1; op >= 0; op--)
        {
            for (int i = FirstAccess[op]; i < FirstAccess[op + 1]; i++)
            {
                int tensor = accesses[i].Tensor;
                NextUse[i] = following[tensor];
                if (accesses[i].IsUse) following[tensor] = op;
            }
        }
    }

    private void FindWorkingSets()
    {
        ReadOnlySpan<TraceAccess> accesses = Trace.Accesses;
        var unmovableChange = new long[OpCount + 1];
        long unmovable = Trace.Header.BaselineBytes;
        for (int i = 0; i < TensorCount; i++)
        {
            if (IsMovable[i]) continue;
            if (IsLiveAtStart[i]) unmovable += Bytes[i];
            if (CreateOp[i] < 0) continue;
            unmovableChange[CreateOp[i]] += Bytes[i];
            unmovableChange[FreeOp[i] + 1] -= Bytes[i];
        }

        for (int op = 0; op < OpCount; op++)
        {
            unmovable += unmovableChange[op];
            UnmovableBytes[op] = unmovable;
            long bytes = unmovable + Workspace[op];
            for (int i = FirstAccess[op]; i < FirstAccess[op + 1]; i++)
            {
                if (accesses[i].IsUse && IsMovable[accesses[i].Tensor]) bytes += Bytes[accesses[i].Tensor];
            }

            WorkingSet[op] = bytes;
            if (bytes <= SmallestBudget) continue;
            SmallestBudget = bytes;
            LargestOp = op;
        }
    }
}
