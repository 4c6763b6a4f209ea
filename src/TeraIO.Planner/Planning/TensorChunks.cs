using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;

namespace TeraIO.Planner.Planning;

/// <summary>
/// A trace whose large tensors are cut into chunks, each a tensor of its own that the same ops use: a planner of whole tensors then plans chunks. A period that
/// fits only in part, which TERAIO rejects, is used for as many chunks as fit. Immutable.
/// </summary>
internal sealed class TensorChunks
{
    private readonly Trace _original;
    private readonly int[] _tensorOf;
    private readonly long[] _offset;

    private TensorChunks(Trace original, Trace trace, int[] tensorOf, long[] offset)
    {
        _original = original;
        Trace = trace;
        _tensorOf = tensorOf;
        _offset = offset;
    }

    /// <summary>The trace of chunks.</summary>
    public Trace Trace { get; }

    /// <summary>Cuts movable tensors into chunks of about <paramref name="chunkBytes"/>, at most <paramref name="mostChunks"/> each.</summary>
    public static TensorChunks Cut(Trace trace, long chunkBytes, int mostChunks)
    {
        var builder = new TraceBuilder(trace.Header);
        var tensorOf = new List<int>();
        var offsets = new List<long>();
        var first = new int[trace.Tensors.Length + 1];
        for (int t = 0; t < trace.Tensors.Length; t++)
        {
            TraceTensor tensor = trace.Tensors[t];
            long chunks = tensor.IsMovable ? Math.Clamp((tensor.Bytes + chunkBytes / 2) / chunkBytes, 1, mostChunks) : 1;
            first[t] = tensorOf.Count;
            long offset = 0;
            for (long i = 1; i <= chunks; i++)
            {
                long end = i == chunks ? tensor.Bytes : tensor.Bytes / chunks * i;
                builder.AddTensor(tensor with { Bytes = end - offset });
                tensorOf.Add(t);
                offsets.Add(offset);
                offset = end;
            }
        }

        first[^1] = tensorOf.Count;
        for (int op = 0; op < trace.Ops.Length; op++)
        {
            builder.AddOp(trace.Ops[op]);
            foreach (ref readonly TraceAccess access in trace.AccessesOf(op))
            {
                for (int chunk = first[access.Tensor]; chunk < first[access.Tensor + 1]; chunk++) builder.Access(chunk, access.Kind);
            }
        }

        return new TensorChunks(trace, builder.Build(), [.. tensorOf], [.. offsets]);
    }

    /// <summary>The plan in terms of the original trace.</summary>
    public MigrationPlan Restore(MigrationPlan plan)
    {
        var migrations = new PlannedMigration[plan.Migrations.Count];
        for (int i = 0; i < migrations.Length; i++)
        {
            PlannedMigration m = plan.Migrations[i];
            migrations[i] = m with { Tensor = _tensorOf[m.Tensor], Offset = _offset[m.Tensor] + m.Offset };
        }

        return plan with { Migrations = migrations, TensorCount = _original.Tensors.Length };
    }
}
