using TeraIO.Optimizer.Update;

namespace TeraIO.Optimizer.Interleave;

/// <summary>Updates a subgroup where it lies, its elements in equal slices on the threads of the pool.</summary>
/// <param name="threads">Slices at once; 1 or more.</param>
public sealed class CpuExecutor(int threads) : IUpdateExecutor
{
    // Slices begin at whole cache lines of FP32, so that no two threads write to one.
    private const long LineElements = 16;

    /// <inheritdoc/>
    public string Name => $"CPU, {threads} threads";

    /// <summary>Updates on the calling thread and the pool's; the returned task has ended.</summary>
    public Task UpdateAsync(SubgroupUpdate update)
    {
        ArgumentNullException.ThrowIfNull(update);
        long elements = update.Subgroup.Elements;
        long slice = (((elements + threads - 1) / threads) + LineElements - 1) / LineElements * LineElements;
        if (threads == 1) update.Run(update.State, 0, elements);
        else Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = threads }, i => update.Run(update.State, i * slice, Math.Min(elements, (i + 1) * slice)));
        return Task.CompletedTask;
    }
}
