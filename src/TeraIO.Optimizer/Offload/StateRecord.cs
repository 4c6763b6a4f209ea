using TeraIO.Optimizer.Gradients;
using TeraIO.Optimizer.Layout;
using TeraIO.Optimizer.Update;

namespace TeraIO.Optimizer.Offload;

/// <summary>A subgroup's state in memory and on storage: [master parameters] [first moments] [second moments], FP32, in this order.</summary>
internal static unsafe class StateRecord
{
    /// <summary>Parameters as the model has them, moments of zero.</summary>
    public static void Initialise(nint record, Subgroup subgroup, IReadOnlyList<HostTensor> parameters, bool keepsMaster)
    {
        int moments = keepsMaster ? 1 : 0;
        for (int i = moments; i < moments + 2; i++) new Span<byte>((void*)(record + (nint)(4 * i * subgroup.Elements)), checked((int)(4 * subgroup.Elements))).Clear();
        if (!keepsMaster) return;
        foreach (TensorPiece piece in subgroup.Pieces)
            ForBlocks(piece, (offset, count) => Copy(parameters[piece.Tensor].Read(offset, Target(record, piece, offset, count)), Target(record, piece, offset, count)));
    }

    /// <summary>Gradients of a subgroup as FP32, zeros where a tensor has none.</summary>
    public static void CopyGradients(nint target, Subgroup subgroup, IGradientSource gradients)
    {
        foreach (TensorPiece piece in subgroup.Pieces)
        {
            if (gradients.HasGradient(piece.Tensor))
                ForBlocks(piece, (offset, count) => Copy(gradients.Read(piece.Tensor, offset, Target(target, piece, offset, count)), Target(target, piece, offset, count)));
            else
                ForBlocks(piece, (offset, count) => Target(target, piece, offset, count).Clear());
        }
    }

    /// <summary>Copies a piece's part of each field into the tensor's place of the given memories, which may be empty.</summary>
    public static void CopyFields(nint record, Subgroup subgroup, TensorPiece piece, IReadOnlyList<Memory<float>> fields)
    {
        for (int field = 0; field < fields.Count; field++)
        {
            if (fields[field].IsEmpty) continue;
            var from = new ReadOnlySpan<float>((float*)record + (field * subgroup.Elements) + piece.SubgroupOffset, (int)piece.Elements);
            from.CopyTo(fields[field].Span[(int)piece.TensorOffset..]);
        }
    }

    private static void ForBlocks(in TensorPiece piece, Action<long, int> action)
    {
        long end = piece.TensorOffset + piece.Elements;
        for (long offset = piece.TensorOffset; offset < end; offset += AdamWKernel.BlockElements)
            action(offset, (int)Math.Min(AdamWKernel.BlockElements, end - offset));
    }

    /// <summary>The place of tensor elements in the first field of a record.</summary>
    private static Span<float> Target(nint record, in TensorPiece piece, long tensorOffset, int count) =>
        new((float*)record + piece.SubgroupOffset + (tensorOffset - piece.TensorOffset), count);

    private static void Copy(ReadOnlySpan<float> from, Span<float> to)
    {
        if (from != to) from.CopyTo(to);
    }
}
