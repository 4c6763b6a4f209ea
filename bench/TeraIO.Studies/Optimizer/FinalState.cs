using TeraIO.Optimizer.Gradients;
using TeraIO.Optimizer.Offload;
using TeraIO.Optimizer.Update;

namespace TeraIO.Studies.Optimizer;

/// <summary>What a run ended with, beside AdamW in memory.</summary>
/// <param name="Different">Elements of which a moment, the master parameter or the model's parameter has other bits.</param>
/// <param name="ShareOfBound">With BF16 gradients: the largest distance of a parameter from the update with FP32 gradients, as a share of the stated bound; else null.</param>
internal sealed record FinalState(long Different, double? ShareOfBound)
{
    /// <summary>Whether moments and parameters were those of AdamW in memory.</summary>
    /// <param name="different">Elements that were not.</param>
    public static string DescribeSame(long different) => different == 0 ? "equal" : $"{different} elements differ";

    /// <summary>For a table.</summary>
    public string Describe() => Different == 0 && ShareOfBound is { } share
        ? $"equal with rounded gradients; {Markdown.Percent(share)} % of the bound from FP32 ones"
        : DescribeSame(Different);

    /// <summary>Reads all of the state back and compares it.</summary>
    /// <param name="state">After its last step.</param>
    /// <param name="model">What it updated.</param>
    /// <param name="options">Of the optimizer.</param>
    /// <param name="isNarrow">Whether the gradients were BF16.</param>
    public static async Task<FinalState> CompareAsync(OffloadedState state, SyntheticModel model, AdamWOptions options, bool isNarrow)
    {
        int steps = (int)state.Step;
        double bound = 0;
        for (int step = 1; step <= steps; step++) bound += NarrowGradients.StepBound(options, ElementFormat.Bf16, step);
        bound += steps * Math.Pow(2, -24); // FP32 roundings of parameters below 1, once per step and side
        long different = 0;
        double distance = 0;
        Lock merging = new();
        for (int tensor = 0; tensor < model.Sizes.Count; tensor++)
        {
            long size = model.Sizes[tensor];
            var master = new float[size];
            var first = new float[size];
            var second = new float[size];
            await state.ReadAsync(tensor, master, first, second).ConfigureAwait(false);
            int blocks = (int)((size + InMemoryAdamW.BlockElements - 1) / InMemoryAdamW.BlockElements);
            int index = tensor;
            Parallel.For(0, blocks, () => (new Block(), 0L, 0.0), (block, _, sums) =>
            {
                int offset = block * InMemoryAdamW.BlockElements;
                int count = (int)Math.Min(InMemoryAdamW.BlockElements, size - offset);
                (long found, double far) = sums.Item1.Compare(
                    options, steps, model.Parameters[index], index, offset, master.AsSpan(offset, count), first.AsSpan(offset, count), second.AsSpan(offset, count), isNarrow);
                return (sums.Item1, sums.Item2 + found, Math.Max(sums.Item3, far));
            }, sums =>
            {
                lock (merging)
                {
                    different += sums.Item2;
                    distance = Math.Max(distance, sums.Item3);
                }
            });
        }

        return new FinalState(different, isNarrow ? distance / bound : null);
    }

    private sealed class Block
    {
        private readonly InMemoryAdamW _same = new();
        private readonly InMemoryAdamW _unrounded = new();
        private readonly float[] _scratch = new float[InMemoryAdamW.BlockElements];

        public (long Different, double Distance) Compare(
            AdamWOptions options, int steps, HostTensor model, int tensor, int offset,
            ReadOnlySpan<float> master, ReadOnlySpan<float> first, ReadOnlySpan<float> second, bool isNarrow)
        {
            int count = master.Length;
            _same.Run(options, steps, tensor, offset, count, isNarrow);
            double distance = 0;
            if (isNarrow)
            {
                _unrounded.Run(options, steps, tensor, offset, count, isRounded: false);
                for (int i = 0; i < count; i++) distance = Math.Max(distance, Math.Abs((double)_unrounded.Parameters[i] - _same.Parameters[i]));
            }

            ReadOnlySpan<float> inModel = model.Read(offset, _scratch.AsSpan(0, count));
            Span<float> rounded = stackalloc float[count];
            _same.Parameters.AsSpan(0, count).CopyTo(rounded);
            SyntheticModel.Round(rounded);
            long different = 0;
            for (int i = 0; i < count; i++)
            {
                if (Bits(master[i]) != Bits(_same.Parameters[i]) || Bits(first[i]) != Bits(_same.First[i]) || Bits(second[i]) != Bits(_same.Second[i]) ||
                    Bits(inModel[i]) != Bits(rounded[i])) different++;
            }

            return (different, distance);
        }

        private static uint Bits(float value) => BitConverter.SingleToUInt32Bits(value);
    }
}
