using System.Globalization;
using TeraIO.Core;
using TeraIO.Core.Tracing;

namespace TeraIO.Planner.Synthesis;

/// <summary>
/// Makes the trace of one training iteration from a model's shape and a device's roofline, without running anything: the ops of forward, backward and
/// update in PyTorch's order, the tensors that autograd keeps between them, and durations from FLOP and bytes (docs/synthesis.md has the formulas).
/// Deterministic; thread-safe.
/// </summary>
public static class SyntheticTrace
{
    /// <summary>The trace.</summary>
    /// <exception cref="ConfigurationException">An option is out of range or contradicts another; the message names it.</exception>
    public static Trace Create(SynthesisOptions options) => CreateDetailed(options).Trace;

    /// <summary>The trace with FLOP and bytes of each op.</summary>
    /// <exception cref="ConfigurationException">An option is out of range or contradicts another; the message names it.</exception>
    public static SyntheticIteration CreateDetailed(SynthesisOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validated();
        try
        {
            var recorder = new IterationRecorder(options);
            new StageIteration(recorder).Record();
            return recorder.Build(Header(options));
        }
        catch (Exception e) when (e is OverflowException or TraceFormatException)
        {
            throw new ConfigurationException($"Training {options.Model.Name} with batch {options.Batch} and sequence {options.Sequence} has tensors beyond any machine; make them smaller.", e);
        }
    }

    private static TraceHeader Header(SynthesisOptions options)
    {
        string parallel = options.TensorParallel * options.PipelineParallel == 1
            ? string.Empty
            : string.Create(CultureInfo.InvariantCulture, $" tp{options.TensorParallel} pp{options.PipelineParallel} rank{options.Rank}");
        string name = string.Create(
            CultureInfo.InvariantCulture,
            $"{options.Model.Name} batch {options.Batch} x {options.Sequence} x {options.MicroBatches} {options.Precision}{parallel}");
        return new TraceHeader(name, $"TeraIO synthesis for {options.Device.Name}", Tokens: checked(options.TokensPerMicroBatch * options.MicroBatches));
    }
}
