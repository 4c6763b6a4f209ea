namespace TeraIO.Core.Tracing;

/// <summary>The rules that every trace keeps, so that the planner need not ask again.</summary>
internal static class TraceValidation
{
    /// <summary>No tensor or sum of tensors of a trace may pass this: sums of bytes then never overflow.</summary>
    private const long MostBytes = 1L << 56;

    /// <summary>Nor may all accesses together: sums over transfers of a step then never overflow either.</summary>
    private const long MostAccessedBytes = 1L << 61;

    /// <summary>About 30 years: sums, ratios and squares of durations stay finite.</summary>
    private const double MostSeconds = 1e9;

    /// <summary>Whoever keeps something per micro batch stays within bounds.</summary>
    private const int MostMicroBatches = 1 << 20;

    private const AccessKind AllKinds = AccessKind.Read | AccessKind.Write | AccessKind.Create | AccessKind.Free;

    private const int Never = -1;

    private struct Seen
    {
        public int Create;
        public int Free;
        public int FirstUse;
        public int LastUse;

        /// <summary>First op after the free that names it while it has not been created: between two lives, unless no create follows.</summary>
        public int AfterFree;
    }

    public static void Check(
        TraceHeader header, ReadOnlySpan<TraceOp> ops, ReadOnlySpan<TraceTensor> tensors, ReadOnlySpan<TraceAccess> accesses, ReadOnlySpan<int> firstAccess)
    {
        if (ops.Length == 0) throw Fault("The trace has no ops.");
        if (header.Name is null || header.Source is null) throw Fault("The trace's name or source is null; use an empty text where there is none.");
        if (header.BaselineBytes is < 0 or > MostBytes) throw Fault($"baselineBytes is {header.BaselineBytes}; it must not be negative.");
        if (header.Tokens < 0) throw Fault($"tokens is {header.Tokens}; it must not be negative.");
        CheckOps(ops);
        CheckTensors(tensors);
        CheckLifetimes(ops, tensors, accesses, firstAccess);
    }

    public static void CheckOps(ReadOnlySpan<TraceOp> ops)
    {
        double seconds = 0;
        for (int i = 0; i < ops.Length; i++)
        {
            ref readonly TraceOp op = ref ops[i];
            if (op.Name is null) throw Fault($"Op {i} has no name.");
            if (op.Phase is < OpPhase.Forward or > OpPhase.Update) throw Fault($"Op {i} ({op.Name}) has phase {op.Phase}; it must be forward, backward or update.");
            if (!double.IsFinite(op.Seconds) || op.Seconds < 0) throw Fault($"Op {i} ({op.Name}) takes {op.Seconds} seconds; it must be a number that is not negative.");
            if (op.WorkspaceBytes is < 0 or > MostBytes) throw Fault($"Op {i} ({op.Name}) has workspaceBytes {op.WorkspaceBytes}; it must not be negative.");
            if (op.MicroBatch is < 0 or >= MostMicroBatches)
                throw Fault($"Op {i} ({op.Name}) has microBatch {op.MicroBatch}; it must not be negative and less than {MostMicroBatches}.");
            seconds += op.Seconds;
            if (seconds > MostSeconds) throw Fault($"The ops up to number {i} take more than {MostSeconds:0} seconds together; durations are in seconds.");
        }
    }

    private static void CheckTensors(ReadOnlySpan<TraceTensor> tensors)
    {
        long sum = 0;
        for (int i = 0; i < tensors.Length; i++)
        {
            if (tensors[i].Bytes is <= 0 or > MostBytes) throw Fault($"Tensor {i} ({tensors[i].Name ?? "unnamed"}) has {tensors[i].Bytes} bytes; it must have at least 1.");
            if (tensors[i].Kind is < TensorKind.Unknown or > TensorKind.Input) throw Fault($"Tensor {i} ({tensors[i].Name ?? "unnamed"}) has kind {tensors[i].Kind}, which does not exist.");
            sum += tensors[i].Bytes;
            if (sum > MostBytes) throw Fault($"The tensors up to number {i} have more than {new ByteSize(MostBytes)} together: no machine has that.");
        }
    }

    private static void CheckLifetimes(ReadOnlySpan<TraceOp> ops, ReadOnlySpan<TraceTensor> tensors, ReadOnlySpan<TraceAccess> accesses, ReadOnlySpan<int> firstAccess)
    {
        var seen = new Seen[tensors.Length];
        seen.AsSpan().Fill(new Seen { Create = Never, Free = Never, FirstUse = Never, LastUse = Never, AfterFree = Never });
        long accessed = 0;
        for (int op = 0; op < ops.Length; op++)
        {
            int end = op + 1 < ops.Length ? firstAccess[op + 1] : accesses.Length;
            foreach (ref readonly TraceAccess access in accesses[firstAccess[op]..end])
            {
                if ((uint)access.Tensor >= (uint)tensors.Length) throw Fault($"Op {op} ({ops[op].Name}) names tensor {access.Tensor}; there are {tensors.Length}.");
                if (access.Kind == AccessKind.None) throw Fault($"Op {op} ({ops[op].Name}) does nothing to tensor {access.Tensor}, which it names.");
                if ((access.Kind & ~AllKinds) != 0) throw Fault($"Op {op} ({ops[op].Name}) does {access.Kind} to tensor {access.Tensor}; there is no such access.");
                accessed += tensors[access.Tensor].Bytes;
                if (accessed > MostAccessedBytes) throw Fault($"The ops up to number {op} use more than {new ByteSize(MostAccessedBytes)} together: no machine moves that in a step.");
                Note(ref seen[access.Tensor], op, access.Kind, ops[op].Name, access.Tensor);
            }
        }

        for (int i = 0; i < tensors.Length; i++) CheckLifetime(i, tensors[i], seen[i]);
    }

    private static void Note(ref Seen seen, int op, AccessKind kind, string name, int tensor)
    {
        if (seen.LastUse == op) throw Fault($"Op {op} ({name}) names tensor {tensor} twice; combine the two accesses.");
        if ((kind & AccessKind.Create) != 0)
        {
            if (seen.Create != Never) throw Fault($"Tensor {tensor} is created by op {seen.Create} and again by op {op} ({name}); give each life of a tensor its own number.");
            seen.Create = op;
        }

        if (seen.Free != Never && seen.Create == Never && seen.AfterFree == Never) seen.AfterFree = op;
        if ((kind & AccessKind.Free) != 0)
        {
            if (seen.Free != Never) throw Fault($"Tensor {tensor} is freed after op {seen.Free} and again after op {op} ({name}).");
            seen.Free = op;
        }

        if (seen.FirstUse == Never) seen.FirstUse = op;
        seen.LastUse = op;
    }

    private static void CheckLifetime(int index, TraceTensor tensor, in Seen seen)
    {
        string what = $"Tensor {index} ({tensor.Name ?? "unnamed"})";
        if (tensor.IsPersistent)
        {
            if (seen.Create != Never) throw Fault($"{what} is persistent but op {seen.Create} creates it.");
            if (seen.Free != Never) throw Fault($"{what} is persistent but is freed after op {seen.Free}.");
            return;
        }

        if (seen.Create == Never) throw Fault($"{what} is not persistent and no op creates it.");
        if (seen.Free == Never) throw Fault($"{what} is not persistent and is never freed.");
        // A free before the create ends the life that began one iteration earlier: between the two it does not exist.
        bool wraps = seen.Free < seen.Create;
        if (wraps && seen.AfterFree != Never)
            throw Fault($"{what} is used by op {seen.AfterFree}, after op {seen.Free} freed it and before op {seen.Create} creates it again.");
        if (!wraps && (seen.FirstUse < seen.Create || seen.LastUse > seen.Free))
        {
            int outside = seen.FirstUse < seen.Create ? seen.FirstUse : seen.LastUse;
            throw Fault($"{what} is used by op {outside}, outside its life from op {seen.Create} to op {seen.Free}.");
        }
    }

    private static TraceFormatException Fault(string message) => new(message);
}
