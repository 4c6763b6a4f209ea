using TeraIO.Core;

namespace TeraIO.Planner.Synthesis;

/// <summary>
/// What a device can do at most and what share of it kernels attain. An op takes
/// max(FLOP / (peak x efficiency), bytes / (<see cref="MemoryBandwidth"/> x <see cref="MemoryEfficiency"/>)) +
/// <see cref="KernelOverheadSeconds"/>. Immutable.
/// </summary>
public sealed record DeviceRoofline
{
    /// <summary>For people and for the trace's source.</summary>
    public required string Name { get; init; }

    /// <summary>Bytes of memory.</summary>
    public required long MemoryBytes { get; init; }

    /// <summary>FLOP/s of FP32 products.</summary>
    public required double Fp32FlopsPerSecond { get; init; }

    /// <summary>FLOP/s of TF32 products, without sparsity; 0: it has none.</summary>
    public double Tf32FlopsPerSecond { get; init; }

    /// <summary>FLOP/s of 16-bit products, without sparsity; 0: it has none.</summary>
    public double HalfFlopsPerSecond { get; init; }

    /// <summary>Share of the FP32 peak that products attain, 0 to 1.</summary>
    public required double ComputeEfficiency { get; init; }

    /// <summary>Share of the TF32 and 16-bit peaks that products attain, 0 to 1.</summary>
    public double TensorCoreEfficiency { get; init; } = 0.55;

    /// <summary>Bytes per second of its memory.</summary>
    public required double MemoryBandwidth { get; init; }

    /// <summary>Share of <see cref="MemoryBandwidth"/> that kernels attain, 0 to 1.</summary>
    public double MemoryEfficiency { get; init; } = 0.85;

    /// <summary>Seconds that an op takes beyond its work.</summary>
    public required double KernelOverheadSeconds { get; init; }

    /// <summary>Bytes per second and direction to the other devices of a group; 0: it is not part of one.</summary>
    public double InterconnectBandwidth { get; init; }

    /// <summary>Bytes per second and direction between the device and host memory; 0: host memory is its own.</summary>
    public double HostBandwidth { get; init; }

    /// <summary>How the framework cuts the work into ops on it.</summary>
    public KernelSet Kernels { get; init; }

    /// <summary>Seconds of an op.</summary>
    /// <param name="flops">Multiplications and additions of its products.</param>
    /// <param name="bytes">Bytes it reads and writes.</param>
    /// <param name="precision">Of the products.</param>
    /// <exception cref="ConfigurationException">The device has no such products.</exception>
    public double Seconds(double flops, double bytes, TrainingPrecision precision) =>
        Math.Max(flops / AttainedOf(precision), bytes / (MemoryBandwidth * MemoryEfficiency)) + KernelOverheadSeconds;

    /// <summary>FLOP/s that products in a precision attain.</summary>
    /// <exception cref="ConfigurationException">The device has no such products.</exception>
    public double AttainedOf(TrainingPrecision precision) =>
        PeakOf(precision) * (precision == TrainingPrecision.Fp32 ? ComputeEfficiency : TensorCoreEfficiency);

    /// <summary>Peak FLOP/s of products in a precision.</summary>
    /// <exception cref="ConfigurationException">The device has no such products.</exception>
    public double PeakOf(TrainingPrecision precision)
    {
        double peak = precision switch
        {
            TrainingPrecision.Fp32 => Fp32FlopsPerSecond,
            TrainingPrecision.Tf32 => Tf32FlopsPerSecond,
            _ => HalfFlopsPerSecond,
        };
        return peak > 0 ? peak : throw new ConfigurationException($"Device {Name} has no {precision} products; choose another precision.");
    }

    /// <summary>Returns this device when its numbers make sense.</summary>
    /// <exception cref="ConfigurationException">One does not; the message names it.</exception>
    public DeviceRoofline Validated()
    {
        Positive(MemoryBytes, nameof(MemoryBytes));
        Positive(Fp32FlopsPerSecond, nameof(Fp32FlopsPerSecond));
        NotNegative(Tf32FlopsPerSecond, nameof(Tf32FlopsPerSecond));
        NotNegative(HalfFlopsPerSecond, nameof(HalfFlopsPerSecond));
        Share(ComputeEfficiency, nameof(ComputeEfficiency));
        Share(TensorCoreEfficiency, nameof(TensorCoreEfficiency));
        Positive(MemoryBandwidth, nameof(MemoryBandwidth));
        Share(MemoryEfficiency, nameof(MemoryEfficiency));
        NotNegative(KernelOverheadSeconds, nameof(KernelOverheadSeconds));
        NotNegative(InterconnectBandwidth, nameof(InterconnectBandwidth));
        NotNegative(HostBandwidth, nameof(HostBandwidth));
        if (!Enum.IsDefined(Kernels)) throw Fault($"{nameof(Kernels)} {Kernels} is unknown");
        return this;
    }

    private void Positive(double value, string what)
    {
        if (!double.IsFinite(value) || value <= 0) throw Fault($"{what} is {value}; it must be more than 0");
    }

    private void NotNegative(double value, string what)
    {
        if (!double.IsFinite(value) || value < 0) throw Fault($"{what} is {value}; it must not be negative");
    }

    private void Share(double value, string what)
    {
        if (value is not (> 0 and <= 1)) throw Fault($"{what} is {value}; it must be more than 0 and at most 1");
    }

    private ConfigurationException Fault(string what) => new($"Device {Name}: {what}.");
}
