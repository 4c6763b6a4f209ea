using System.Diagnostics;
using System.Runtime.InteropServices;
using TeraIO.Core;
using TeraIO.Core.Leases;
using TeraIO.Core.Plans;
using TeraIO.Core.Storage;
using TeraIO.Core.Tracing;
using TeraIO.Distributed;
using TeraIO.Torch;
using TeraIO.Torch.DataParallel;
using TeraIO.Torch.Runtime;
using TorchSharp;
using TorchSharp.Modules;

namespace TeraIO.Samples.GptTraining;

/// <summary>One training in this process, or this rank's part of one, from the first parameter to the report.</summary>
internal sealed class TrainingRun(RunOptions options, StepProgress progress, ICommunicator ranks, PolicyStudy? study = null)
{
    private readonly List<float> _losses = [];
    private readonly List<double> _stepSeconds = [];
    private readonly List<OffloadStatistics?> _traffic = [];
    private readonly Dictionary<int, float> _evaluations = [];

    /// <returns>0, or <see cref="StopRequest.ExitCode"/> when it was stopped early.</returns>
    public int Run(ByteSize? unlimitedPeak)
    {
        if (options.Config.Batch % ranks.Size != 0)
            throw new ConfigurationException($"--batch {options.Config.Batch} does not divide into {ranks.Size} equal parts, one for each rank.");
        var runtime = TorchRuntime.Initialize();
        var device = options.Device.IsCuda ? new torch.Device(DeviceType.CUDA, options.Device.CudaOrdinal) : null;
        var idle = IdleResidentBytes();
        var budget = options.Budget?.Resolve(unlimitedPeak);
        var text = OpenText();
        using var checkpoint = options.Resume is { } resume ? new CheckpointReader(resume) : null;
        var resumed = checkpoint is null ? null
            : TrainingState.ReadMetadata(checkpoint, options.Config, options.Optimizer, options.Tokenizer, text.Description);
        torch.random.manual_seed(options.Seed);
        // Kernels of a GPU may add up in another order each time, and no two runs could be compared. Where one has no other way libtorch only warns.
        if (device is not null)
            DeterministicAlgorithms.Enabled = true;
        // The session comes before the model: from here on the budget holds, so the model need never fit at once.
        using var session = BeginSession(budget);
        if (options.Device.IsCuda)
        {
            foreach (var path in session?.StoragePaths ?? [])
                progress.Say($"store in {path.Path}: {path.Backend}{(path.Route is { } route ? $", {route}" : "")}");
        }
        try
        {
            using var model = new GptModel(options.Config, device);
            using var optimizer = Optimizers.Create(options.Optimizer, model, options.LearningRate, options.WeightDecay);
            session?.Register(model, optimizer);
            using var batches = new TextBatches(text, Tokenizers.Named(options.Tokenizer), options.Config, resumed?.TextPosition ?? 0, device);
            var state = new TrainingState(model, optimizer, session);
            if (checkpoint is not null)
                state.Load(checkpoint, resumed!);
            // All ranks draw the same weights; what dropout drops is each rank's own.
            if (ranks.Rank > 0)
                torch.random.manual_seed(options.Seed + ranks.Rank);
            var replica = ranks.Size > 1 ? new ModelReplica(model, ranks, session) : null;
            replica?.RequireEqualParameters();
            using var stop = new StopRequest();
            var done = Train(model, optimizer, batches, session, replica, stop, resumed?.Step ?? 0);
            replica?.RequireEqualParameters();
            if (options.Checkpoint is { } path && ranks.Rank == 0)
            {
                state.Save(path, options.Optimizer, options.Tokenizer, text.Description, done, batches.Position);
                progress.Say($"checkpoint of step {done}: {Path.GetFullPath(path)}");
            }
            Report(session, runtime, idle, budget, unlimitedPeak, resumed?.Step ?? 0);
            return done < LastStep ? StopRequest.ExitCode : 0;
        }
        catch (Exception e) when (e is not TeraIOException && session?.Failure is not null)
        {
            // The op's own exception only says that it failed; the session knows why.
            throw new SessionFailedException(session.Failure, e);
        }
    }

    private int LastStep => Math.Min(options.StopAfter ?? options.Steps, options.Steps);

    /// <returns>Steps done: fewer than <see cref="LastStep"/> when it was stopped.</returns>
    private int Train(
        GptModel model, OptimizerHelper optimizer, TextBatches batches, OffloadSession? session, ModelReplica? replica, StopRequest stop, int firstStep)
    {
        var config = options.Config;
        var schedule = new LearningRateSchedule(options.LearningRate, options.WarmUpSteps, options.Steps);
        var training = new TrainingStep(model, optimizer, schedule, new TrainingStepSettings(options.Accumulate, options.LossChunk, options.ClipNorm), replica);
        var step = firstStep;
        // A signal reaches one rank before another: all stop before the same step, or one would wait for the others for good.
        while (step < LastStep && !(replica is null ? stop.Requested : replica.Average(stop.Requested ? 1 : 0) > 0))
        {
            if (session is not null)
                study?.BeforeStep(session);
            using var scope = session?.BeginStep();
            var started = Stopwatch.GetTimestamp();
            _losses.Add(training.Run(step, batches, config.Batch, config.Sequence));
            var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
            session?.ThrowIfFailed();
            _stepSeconds.Add(seconds);
            _traffic.Add(scope?.Statistics);
            if (session is not null)
                study?.AfterStep(session, scope!.Statistics, seconds);
            step++;
            // Every rank would come to the same, and only the first tells it.
            float? evaluation = ranks.Rank == 0 && options.EvaluateEvery > 0 && step % options.EvaluateEvery == 0 ? training.Evaluate(batches) : null;
            if (evaluation is { } held)
                _evaluations[step] = held;
            progress.Show(new StepLine(step, options.Steps, _losses[^1], evaluation, options.TokensPerStep / seconds, scope?.Statistics));
        }
        return step;
    }

    private OffloadSession? BeginSession(ByteSize? budget) => options.Unobserved ? null : OffloadSession.Begin(new OffloadOptions
    {
        MemoryBudget = budget,
        StoragePaths = budget is null ? [] : options.StorePaths,
        Mode = options.IsPlanned ? OffloadMode.Planned : OffloadMode.OnDemand,
        Policy = options.Policy,
        EmulatedDevice = options.Emulated,
        StoragePathOptions = options.StorePaths.ToDictionary(static path => path, _ => new PathOptions { WriteLimit = options.WriteLimit }),
        Leases = options.Leases ?? (ranks.Size > 1 ? new LeaseOptions() : null),
        HostMemory = budget is null ? null : options.HostMemory,
        VerifyReads = options.VerifyReads,
        Device = options.Device,
        Backend = options.Backend,
        BandwidthProfile = options.BandwidthProfile,
        ReadWaits = options.ReadWaits,
    });

    private ITextSource OpenText() => options.TextFile is { } file
        ? new TextFile(file)
        : new XmlDocumentation(DotnetRoot.DocumentationFiles(DotnetRoot.Candidates()));

    private static long IdleResidentBytes()
    {
        using var scope = torch.NewDisposeScope();
        _ = torch.ones(16).sum().item<float>();
        return ProcessMemory.ResidentBytes();
    }

    private void Report(OffloadSession? session, TorchRuntimeInfo runtime, long idle, ByteSize? budget, ByteSize? unlimitedPeak, int firstStep)
    {
        var counters = session?.Statistics;
        var all = new RankFigures[ranks.Size];
        ReadOnlySpan<RankFigures> own = [new RankFigures(counters?.PeakLiveBytes.Bytes ?? 0, ProcessMemory.PeakResidentBytes(), (counters?.BytesRead.Bytes ?? 0) + (counters?.BytesWritten.Bytes ?? 0))];
        ranks.Gather(MemoryMarshal.AsBytes(own), MemoryMarshal.AsBytes(all.AsSpan()));
        if (ranks.Rank > 0)
            return;
        var report = new RunReport
        {
            Config = options.Config.Name,
            Seed = options.Seed,
            Steps = options.Steps,
            Mode = options.ModeName,
            Losses = _losses,
            BudgetBytes = budget?.Bytes,
            UnlimitedPeakBytes = budget is null ? counters?.PeakLiveBytes.Bytes : unlimitedPeak?.Bytes,
            PeakLiveBytes = counters?.PeakLiveBytes.Bytes,
            ReservedBytes = counters?.ReservedBytes?.Bytes,
            PeakRssBytes = all[0].PeakRss,
            IdleRssBytes = idle,
            BytesRead = budget is null ? null : counters?.BytesRead.Bytes,
            BytesWritten = budget is null ? null : counters?.BytesWritten.Bytes,
            StallSeconds = budget is null ? null : counters?.StallTime.TotalSeconds,
            StepSeconds = _stepSeconds,
            SmallestBudgetBytes = counters?.SmallestBudget.Bytes,
            LargestWorkingSetOp = counters?.LargestWorkingSetOp,
            FirstStep = firstStep,
            EvaluationLosses = _evaluations,
            Parameters = options.Config.Parameters,
            LibTorchDirectory = runtime.LibTorchDirectory,
            StepStallSeconds = budget is null ? null : [.. _traffic.Select(t => t!.Value.StallTime.TotalSeconds)],
            StepBytesRead = budget is null ? null : [.. _traffic.Select(t => t!.Value.BytesRead.Bytes)],
            StepBytesWritten = budget is null ? null : [.. _traffic.Select(t => t!.Value.BytesWritten.Bytes)],
            PlannedSteps = counters?.PlannedSteps,
            Divergences = counters?.Divergences,
            PlanningSeconds = counters?.PlanningTime.TotalSeconds,
            PredictedStepSeconds = session?.Plan?.PredictedStepSeconds,
            HostMemory = session?.HostMemory,
            Study = study is null ? null : [.. study.Rows()],
            Ranks = ranks.Size,
            TokensPerStep = options.TokensPerStep,
            RankPeakLiveBytes = counters is null ? null : [.. all.Select(static r => r.PeakLive)],
            RankPeakRssBytes = [.. all.Select(static r => r.PeakRss)],
            RankTrafficBytes = budget is null ? null : [.. all.Select(static r => r.Traffic)],
        };
        WritePlanAndTrace(session);
        progress.Summarise(report);
        if (options.JsonFile is { } json)
            report.Write(json);
    }

    private void WritePlanAndTrace(OffloadSession? session)
    {
        if ((options.TraceFile ?? options.PlanFile) is null)
            return;
        if (session?.Trace is not { } trace)
            throw new ConfigurationException("There is no trace to write: no two steps were equal. Train more --steps.");
        if (options.TraceFile is { } traceFile)
            TraceFile.Write(trace, traceFile);
        if (options.PlanFile is { } planFile)
            PlanFile.Write(session.Plan!, planFile);
    }
}

/// <summary>What every rank tells of itself, in bytes.</summary>
internal readonly record struct RankFigures(long PeakLive, long PeakRss, long Traffic);

/// <summary>The error that stopped a session, in place of the exception that TorchSharp made of it.</summary>
internal sealed class SessionFailedException(TeraIOException failure, Exception surfaced) : TeraIOException(failure.Message, surfaced);
