namespace TeraIO.Optimizer.Offload;

/// <summary>Bytes between host memory and storage in one step.</summary>
/// <param name="StateRead">State read for the update.</param>
/// <param name="StateWritten">State written after it.</param>
/// <param name="GradientsRead">FP32 gradients read for the update.</param>
/// <param name="GradientsWritten">FP32 gradients written during backward.</param>
public readonly record struct StepTraffic(long StateRead, long StateWritten, long GradientsRead, long GradientsWritten)
{
    /// <summary>Everything read.</summary>
    public long Read => StateRead + GradientsRead;

    /// <summary>Everything written.</summary>
    public long Written => StateWritten + GradientsWritten;

    /// <summary>What has moved since <paramref name="earlier"/>.</summary>
    internal StepTraffic Since(StepTraffic earlier) => new(
        StateRead - earlier.StateRead, StateWritten - earlier.StateWritten, GradientsRead - earlier.GradientsRead, GradientsWritten - earlier.GradientsWritten);
}
