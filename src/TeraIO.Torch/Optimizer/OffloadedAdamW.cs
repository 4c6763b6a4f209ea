using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using TeraIO.Core;
using TeraIO.Core.Storage;
using TeraIO.Optimizer.Gradients;
using TeraIO.Optimizer.Layout;
using TeraIO.Optimizer.Offload;
using TeraIO.Optimizer.Update;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TeraIO.Torch.Optimizer;

/// <summary>
/// AdamW in place of <c>torch.optim.AdamW</c>, with its moments (and FP32 master parameters, where the model is BF16 or FP16) on storage instead of in memory. With
/// FP32 parameters and gradients read in place its steps have the bits of TorchSharp's own, where <see cref="TorchArithmetic.IsExact"/>.
/// </summary>
/// <remarks>
/// For models in host memory. Learning-rate schedulers, parameter groups, closures and gradient clipping work as usual; AMSGrad, <c>maximize</c>, groups added later and
/// <c>state_dict</c> are not supported. Parameters are written in memory, past libtorch: its check that a value needed by a backward pass was not
/// changed by a step does not see it, and the memory of parameters must not be offloaded by a session at the same time. Not thread-safe.
/// </remarks>
[SuppressMessage("Naming", "CA1707", Justification = "Parameters have the names of torch.optim.AdamW.")]
public sealed class OffloadedAdamW : optim.Optimizer
{
    private readonly List<Parameter> _parameters = [];
    private readonly List<AdamW.Options> _options = [];
    private readonly long[] _steps;
    private readonly TensorStore _store;
    private readonly NarrowGradients? _narrow;
    private bool _isDisposed;

    /// <summary>Opens the store and writes the initial state. Defaults are those of <c>torch.optim.AdamW</c>.</summary>
    /// <param name="parameters">What to optimise: contiguous, in host memory, all FP32 or with some in BF16 or FP16.</param>
    /// <param name="offload">Where and how.</param>
    /// <param name="lr">Learning rate.</param>
    /// <param name="beta1">Decay of the first moment.</param>
    /// <param name="beta2">Decay of the second moment.</param>
    /// <param name="eps">Added to the denominator.</param>
    /// <param name="weight_decay">Decoupled weight decay.</param>
    /// <param name="logger">Told of what the store does.</param>
    /// <exception cref="ConfigurationException">An option or a tensor cannot work.</exception>
    /// <exception cref="StorageFullException">The paths have no room for the state.</exception>
    public OffloadedAdamW(
        IEnumerable<Parameter> parameters, OffloadedAdamWOptions offload,
        double lr = 1e-3, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8, double weight_decay = 0, ILogger? logger = null)
        : this([new AdamW.ParamGroup(parameters, new AdamW.Options())], offload, lr, beta1, beta2, eps, weight_decay, logger)
    {
    }

    /// <summary>The same with parameter groups; what a group leaves open comes from the other arguments.</summary>
    /// <inheritdoc cref="OffloadedAdamW(IEnumerable{Parameter}, OffloadedAdamWOptions, double, double, double, double, double, ILogger)"/>
    public OffloadedAdamW(
        IEnumerable<AdamW.ParamGroup> parameters, OffloadedAdamWOptions offload,
        double lr = 1e-3, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8, double weight_decay = 0, ILogger? logger = null)
        : base(IntPtr.Zero)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentNullException.ThrowIfNull(offload);
        Arithmetic = TorchArithmetic.Current;
        _parameter_groups = [];
        var defaults = new AdamWOptions(lr, beta1, beta2, eps, weight_decay);
        foreach (AdamW.ParamGroup group in parameters) AddGroup(group, defaults);
        _steps = new long[_parameters.Count];
        HostTensor[] model = Model();
        var layout = new ParameterLayout([.. model.Select(static tensor => tensor.Elements)], offload.SubgroupElements);
        OptimizerOffloadOptions options = Options(offload, layout, keepsMaster: model.Any(static tensor => tensor.Format != ElementFormat.Fp32));
        _store = TensorStore.Open(offload.Store, logger);
        try
        {
            State = OffloadedState.CreateAsync(_store, layout, options, model).GetAwaiter().GetResult();
            _narrow = offload.GradientFormat is { } format ? new NarrowGradients(layout, format) : null;
        }
        catch
        {
            State?.Dispose();
            _store.Dispose();
            throw;
        }
    }

    /// <summary>How additions and roots are rounded, and whether that is exactly as in libtorch.</summary>
    public TorchArithmetic Arithmetic { get; }

    /// <summary>The state on storage. Owned by the optimizer.</summary>
    public OffloadedState State { get; }

    /// <summary>Counters of the store.</summary>
    public StoreStatistics StoreStatistics => _store.Statistics;

    /// <summary>How the last step went; <see langword="null"/> before the first.</summary>
    public UpdateReport? LastStep { get; private set; }

    /// <inheritdoc/>
    public override IEnumerable<Parameter> parameters() => _parameters;

    /// <inheritdoc/>
    public override void zero_grad()
    {
        foreach (Parameter parameter in _parameters)
        {
            using Tensor? gradient = parameter.grad;
            gradient?.zero_().Dispose();
        }
    }

    /// <summary>Updates every parameter that has a gradient. A step that failed on storage can be repeated: call it again with the same gradients.</summary>
    /// <param name="closure">Evaluates the model again and returns the loss; optional.</param>
    /// <returns>The closure's loss, or <see langword="null"/>.</returns>
    /// <exception cref="TeraIOException">Storage failed beyond the store's retries.</exception>
    public override Tensor? step(Func<Tensor>? closure = null)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        Tensor? loss = null;
        if (closure is not null)
        {
            using IDisposable _ = enable_grad();
            loss = closure();
        }

        using IDisposable scope = NewDisposeScope();
        Tensor?[] gradients = [.. _parameters.Select(static parameter => parameter.grad)];
        Update([.. gradients.Select((gradient, i) => gradient is null ? (HostTensor?)null : HostMemory.Of(Contiguous(gradient), $"The gradient of parameter {i}"))]);
        GC.KeepAlive(gradients);
        return loss;

        // A contiguous copy lives as long as the scope.
        static Tensor Contiguous(Tensor gradient) => gradient.is_contiguous() ? gradient : gradient.contiguous();
    }

    /// <summary>Refuses: the state was laid out when the optimizer was made.</summary>
    public override void add_param_group(ParamGroup param_group) =>
        throw new NotSupportedException("OffloadedAdamW lays its state out once: give all parameter groups to its constructor.");

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && !_isDisposed)
        {
            _isDisposed = true;
            _narrow?.Dispose();
            State.Dispose();
            _store.Dispose();
        }

        base.Dispose(disposing);
    }

    private void Update(HostTensor?[] gradients)
    {
        var scalars = new AdamWScalars?[gradients.Length];
        for (int i = 0; i < gradients.Length; i++)
        {
            if (gradients[i] is not null) scalars[i] = new AdamWScalars(OptionsOf(_options[i]), _steps[i] + 1);
        }

        LastStep = _narrow is null
            ? State.StepAsync(Model(), new HostGradients(gradients), scalars).GetAwaiter().GetResult()
            : UpdateNarrow(_narrow, gradients, scalars);
        for (int i = 0; i < gradients.Length; i++)
        {
            if (gradients[i] is not null) _steps[i]++;
        }
    }

    /// <summary>The update begins while gradients are still copied: a subgroup waits for its own tensors only. After it the gradients in their own format are dropped.</summary>
    private UpdateReport UpdateNarrow(NarrowGradients narrow, HostTensor?[] gradients, AdamWScalars?[] scalars)
    {
        HostTensor[] model = Model();
        narrow.Clear();
        var copies = new List<Task>();
        for (int i = 0; i < gradients.Length; i++)
        {
            if (gradients[i] is { } gradient) copies.Add(narrow.CopyOut(i, gradient));
        }

        // The copies read memory of the gradients, the update that of the parameters: both end before anything is left.
        Task<UpdateReport> update = Task.Run(() => State.StepAsync(model, narrow, scalars));
        Task.WhenAll([update, .. copies]).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing).GetAwaiter().GetResult();
        UpdateReport report = update.GetAwaiter().GetResult();
        foreach (Parameter parameter in _parameters) parameter.grad = null;
        return report;
    }

    private HostTensor[] Model() => [.. _parameters.Select(static (parameter, i) => HostMemory.Of(parameter, $"Parameter {i}"))];

    private void AddGroup(AdamW.ParamGroup group, AdamWOptions defaults)
    {
        var options = (AdamW.Options)(group.Options ??= new AdamW.Options());
        options.LearningRate ??= defaults.LearningRate;
        options.InitialLearningRate = options.LearningRate.Value;
        options.beta1 ??= defaults.Beta1;
        options.beta2 ??= defaults.Beta2;
        options.eps ??= defaults.Epsilon;
        options.weight_decay ??= defaults.WeightDecay;
        if (options.amsgrad == true || options.maximize == true) throw new ConfigurationException("OffloadedAdamW has no amsgrad and no maximize: use torch.optim.AdamW, or leave them off.");
        OptionsOf(options).Validate();
        _parameter_groups.Add(group);
        foreach (Parameter parameter in group.Parameters)
        {
            _parameters.Add(parameter);
            _options.Add(options);
        }
    }

    private static AdamWOptions OptionsOf(AdamW.Options options) =>
        new(options.LearningRate!.Value, options.beta1!.Value, options.beta2!.Value, options.eps!.Value, options.weight_decay!.Value);

    private OptimizerOffloadOptions Options(OffloadedAdamWOptions offload, ParameterLayout layout, bool keepsMaster) => new()
    {
        HostBudget = offload.HostBudget - (offload.GradientFormat is null ? ByteSize.Zero : NarrowGradients.HostBytes(layout)),
        Order = offload.Order,
        KeepsMasterParameters = keepsMaster,
        Threads = offload.Threads,
        Arithmetic = Arithmetic.Arithmetic,
    };
}
