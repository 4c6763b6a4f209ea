using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace TeraIO.Torch.DataParallel;

/// <summary>
/// Carries tensors through a buffer of limited size, as one sequence of FP32 numbers: several small tensors together, a large one in pieces.
/// </summary>
/// <remarks>
/// The tensors are read and written by ops (<c>copy_</c>), so that an offload session sees each use and brings them back in time, by its plan where it has one. Only the
/// buffer is touched past libtorch, while it is pinned. It is a tensor of its own each time, so that the budget counts it and has its memory back in between.
/// </remarks>
internal sealed class Bucket(OffloadSession? session, long elements)
{
    /// <summary>What is done with the numbers while they are in the buffer.</summary>
    public delegate void Work(Span<float> numbers);

    /// <summary>Carries all elements of <paramref name="tensors"/>, in order; bucket by bucket.</summary>
    /// <param name="tensors">Contiguous, in host memory, FP32 or narrower.</param>
    /// <param name="work">Reads the buffer, and may write it.</param>
    /// <param name="writesBack">What is in the buffer afterwards goes back to the tensors.</param>
    /// <param name="divisor">Divides what goes back.</param>
    public void Carry(IReadOnlyList<Tensor> tensors, Work work, bool writesBack, int divisor = 1)
    {
        using IDisposable noGradients = no_grad();
        foreach (List<Piece> pieces in Divide(tensors))
        {
            using IDisposable scope = NewDisposeScope();
            Tensor flat = empty(pieces[^1].Offset + pieces[^1].Length, dtype: ScalarType.Float32);
            foreach (Piece piece in pieces) piece.In(flat).copy_(piece.Source());
            using (session?.Pin(flat)) work(MemoryMarshal.Cast<byte, float>(flat.bytes));
            if (!writesBack) continue;
            if (divisor > 1) flat.div_(divisor);
            foreach (Piece piece in pieces) piece.Source().copy_(piece.In(flat));
        }
    }

    private IEnumerable<List<Piece>> Divide(IReadOnlyList<Tensor> tensors)
    {
        var pieces = new List<Piece>();
        long filled = 0;
        foreach (Tensor tensor in tensors)
        {
            for (long start = 0; start < tensor.numel();)
            {
                long length = Math.Min(elements - filled, tensor.numel() - start);
                pieces.Add(new Piece(tensor, start, length, filled));
                start += length;
                filled += length;
                if (filled < elements) continue;
                yield return pieces;
                pieces = [];
                filled = 0;
            }
        }

        if (filled > 0) yield return pieces;
    }

    /// <summary>Elements of a tensor and their place in the buffer.</summary>
    private readonly record struct Piece(Tensor Tensor, long Start, long Length, long Offset)
    {
        public Tensor Source() => Tensor.view(-1).narrow(0, Start, Length);

        public Tensor In(Tensor flat) => flat.narrow(0, Offset, Length);
    }
}
