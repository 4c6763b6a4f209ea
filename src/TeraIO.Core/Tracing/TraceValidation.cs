namespace TeraIO.Core.Tracing;

/// <summary>The rules that every trace keeps, so that the planner need not ask again.</summary>
internal static class TraceValidation
{
    /// <summary>No tensor or sum of tensors of a trace may pass this: sums of bytes then never overflow.</summary>
    private const long MostBytes = 1L << 56;

    private const int Never = -1;

    private struct Seen
    {
        public int Create;
        public int Free;
        public int FirstUse;
        public int LastUse;
    }

    public static void Check(
        TraceHeader header, ReadOnlySpan<TraceOp> ops, ReadOnlySpan<TraceTensor> tensors, ReadOnlySpan<TraceAccess> accesses, ReadOnlySpan<int> firstAccess)
    {
        if (ops.Length == 0) throw Fault("The trace has no ops.");
        if (header.BaselineBytes is < 0 or > MostBytes) throw Fault($"baselineBytes is {header.BaselineBytes}; it must not be negative.");
        if (header.Tokens < 0) throw Fault($"tokens is {header.Tokens}; it must not be negative.");
        CheckOps(ops);
        CheckTensors(tensors);
        CheckLifetimes(ops, tensors, accesses, firstAccess);
    }

    public static void CheckOps(ReadOnlySpan<TraceOp> ops)
    {
        for (int i = 0; i < ops.Length; i++)
        {
            ref readonly TraceOp op = ref ops[i];
            if (!double.IsFinite(op.Seconds) || op.Seconds < 0) throw Fault($"Op {i} ({op.Name}) takes {op.Seconds} seconds; it must be a number that is not negative.");
            if (op.WorkspaceBytes is < 0 or > MostBytes) throw Fault($"Op {i} ({op.Name}) has workspaceBytes {op.WorkspaceBytes}; it must not be negative.");
            if (op.MicroBatch < 0) throw Fault($"Op {i} ({op.Name}) has microBatch {op.MicroBatch}; it must not be negative.");
        }
    }

    private static void CheckTensors(ReadOnlySpan<TraceTensor> tensors)
    {
        long sum = 0;
        for (int i = 0; i < tensors.Length; i++)
        {
            if (tensors[i].Bytes is <= 0 or > MostBytes) throw Fault($"Tensor {i} ({tensors[i].Name ?? "unnamed"}) has {tensors[i].Bytes} bytes; it must have at least 1.");
            sum += tensors[i].Bytes;
            if (sum > MostBytes) throw Fault($"The tensors up to number {i} have more than {new ByteSize(MostBytes)} together: no machine has that.");
        }
    }

    private static void CheckLifetimes(ReadOnlySpan<TraceOp> ops, ReadOnlySpan<TraceTensor> tensors, ReadOnlySpan<TraceAccess> accesses, ReadOnlySpan<int> firstAccess)
    {
        var seen = new Seen[tensors.Length];
        seen.AsSpan().Fill(new Seen { Create = Never, Free = Never, FirstUse = Never, LastUse = Never });
        for (int op = 0; op < ops.Length; op++)
        {
            int end = op + 1 < ops.Length ? firstAccess[op + 1] : accesses.Length;
            foreach (ref readonly TraceAccess access in accesses[firstAccess[op]..end])
            {
                if ((uint)access.Tensor >= (uint)tensors.Length) throw Fault($"Op {op} ({ops[op].Name}) names tensor {access.Tensor}; there are {tensors.Length}.");
                if (access.Kind == AccessKind.None) throw Fault($"Op {op} ({ops[op].Name}) does nothing to tensor {access.Tensor}, which it names.");
                Note(ref seen[access.Tensor], op, access.Kind, ops[op].Name, access.Tensor);
            }
        }

        for (int i = 0; i < tensors.Length; i++) CheckLifetime(i, tensors[i], seen[i]);
    }

    private static void Note(ref Seen seen, int op, AccessKind kind, string name, int tensor)
    {
        if ((kind & AccessKind.Create) != 0)
        {
            if (seen.Create != Never) throw Fault($"Tensor {tensor} is created by op {seen.Create} and again by op {op} ({name}); give each life of a tensor its own number.");
            seen.Create = op;
        }

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
        // A free before the create ends the life that began one iteration earlier; then every use lies outside (free, create).
        bool wraps = seen.Free < seen.Create;
        if (!wraps && (seen.FirstUse < seen.Create || seen.LastUse > seen.Free))
        {
            int outside = seen.FirstUse < seen.Create ? seen.FirstUse : seen.LastUse;
            throw Fault($"{what} is used by op {outside}, outside its life from op {seen.Create} to op {seen.Free}.");
        }
    }

    private static TraceFormatException Fault(string message) => new(message);
}
