using TeraIO.Core;
using TeraIO.Core.Storage;
using TeraIO.Optimizer.Gradients;
using TeraIO.Optimizer.Layout;
using TeraIO.Optimizer.Offload;
using TeraIO.Optimizer.Update;

namespace TeraIO.Studies.Optimizer;

/// <summary>A model whose optimizer state lies on a store, with a row's mechanisms: step by step, first the gradients, then what happens to them, then the update.</summary>
internal sealed class OffloadedRun : IDisposable
{
    /// <summary>Subgroups of the layout: enough that filling and draining the pipeline is small.</summary>
    private const int Subgroups = 100;

    private readonly SyntheticModel _model;
    private readonly OffloadedState _state;
    private readonly NarrowGradients? _narrow;

    private OffloadedRun(SyntheticModel model, OffloadedState state, ParameterLayout layout, OptimizerOffloadOptions options, NarrowGradients? narrow) =>
        (_model, _state, Layout, Options, _narrow) = (model, state, layout, options, narrow);

    public static AdamWOptions AdamW { get; } = new(LearningRate: 1e-3, WeightDecay: 0.01);

    public ParameterLayout Layout { get; }

    public OptimizerOffloadOptions Options { get; }

    /// <summary>Share of the subgroups that stay in memory between steps.</summary>
    public double Cached => _state.CachedSubgroups / (double)Layout.Subgroups.Count;

    /// <param name="row">What is on, but for paths and leases, which are the store's.</param>
    /// <param name="model">With its initial values.</param>
    /// <param name="store">Outlives it.</param>
    /// <param name="budget">Host memory: buffers and narrow gradients.</param>
    public static async Task<OffloadedRun> CreateAsync(Mechanisms row, SyntheticModel model, TensorStore store, ByteSize budget)
    {
        ParameterLayout layout = model.Layout(Subgroups);
        long narrowBytes = row.HasNarrowGradients ? NarrowGradients.HostBytes(layout).Bytes : 0;
        var options = new OptimizerOffloadOptions
        {
            HostBudget = new ByteSize(budget.Bytes - narrowBytes),
            Order = row.Order,
            StoresGradients = !row.HasNarrowGradients,
        };
        OffloadedState state = await OffloadedState.CreateAsync(store, layout, options, model.Parameters).ConfigureAwait(false);
        var run = new OffloadedRun(model, state, layout, options, row.HasNarrowGradients ? new NarrowGradients(layout, ElementFormat.Bf16) : null);
        if (state.HostBytes.Bytes + narrowBytes <= budget.Bytes) return run;
        run.Dispose();
        throw new InvalidOperationException($"{row.Name} takes more than its budget.");
    }

    /// <summary>The gradients of a step, as backward would leave them.</summary>
    public void FillGradients(int step)
    {
        _narrow?.Clear();
        _model.FillGradients(step);
    }

    /// <summary>What happens to gradients before the update: written to storage as FP32, or copied as BF16.</summary>
    public async Task<IGradientSource> PassOnAsync()
    {
        if (_narrow is null)
        {
            await _state.StoreGradientsAsync(_model.InPlace).ConfigureAwait(false);
            return _model.InPlace;
        }

        await Task.WhenAll(_model.Gradients.Select((gradient, tensor) => _narrow.CopyOut(tensor, gradient))).ConfigureAwait(false);
        return _narrow;
    }

    public Task<UpdateReport> StepAsync(IGradientSource source, int step) => _state.StepAsync(_model.Parameters, source, _model.Scalars(AdamW, step));

    /// <summary>After the last step.</summary>
    public Task<FinalState> CompareAsync() => FinalState.CompareAsync(_state, _model, AdamW, isNarrow: _narrow is not null);

    public void Dispose()
    {
        _narrow?.Dispose();
        _state.Dispose();
    }
}
