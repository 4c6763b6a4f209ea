using System.CommandLine;
using TeraIO.Core;
using TeraIO.Core.Leases;
using TeraIO.Core.Storage;
using TeraIO.Planner.Policies;
using TeraIO.Torch;

namespace TeraIO.Samples.GptTraining;

/// <summary>The options of the program and their rules.</summary>
internal sealed class CommandLine
{
    private const string Planned = "planned";
    private const string WriteBack = "write-back";

    private readonly Option<string> _config = new("--config") { Description = "nano, 30M or gpt2-small", DefaultValueFactory = _ => "nano" };
    private readonly Option<int?> _layers = new("--layers") { Description = "Transformer blocks (default: the config's)" };
    private readonly Option<int?> _width = new("--width") { Description = "Width of the residual stream (default: the config's)" };
    private readonly Option<int?> _heads = new("--heads") { Description = "Attention heads (default: the config's)" };
    private readonly Option<int?> _sequence = new("--seq") { Description = "Tokens per sequence (default: the config's)" };
    private readonly Option<int?> _batch = new("--batch") { Description = "Sequences per micro batch (default: the config's)" };
    private readonly Option<int> _accumulate = new("--accumulate") { Description = "Micro batches per step", DefaultValueFactory = _ => 1 };
    private readonly Option<double?> _dropout = new("--dropout") { Description = "Dropout probability (default: the config's)" };
    private readonly Option<bool?> _tied = new("--tied") { Description = "true: the head shares the token embedding (default: the config's)" };
    private readonly Option<int> _lossChunk = new("--loss-chunk") { Description = "Tokens whose vocabulary scores are computed at once", DefaultValueFactory = _ => 128 };
    private readonly Option<int> _steps = new("--steps") { Description = "Optimizer steps of the whole training", DefaultValueFactory = _ => 20 };
    private readonly Option<int?> _stopAfter = new("--stop-after") { Description = "Stop after this step, as Ctrl-C would, and leave the checkpoint" };
    private readonly Option<long> _seed = new("--seed") { Description = "Seed of weights and dropout", DefaultValueFactory = _ => 1 };
    private readonly Option<string?> _textFile = new("--data") { Description = "UTF-8 text file (default: the .NET SDK's API documentation)" };
    private readonly Option<string> _tokenizer = new("--tokenizer") { Description = "bytes or cl100k", DefaultValueFactory = _ => "bytes" };
    private readonly Option<string> _optimizer = new("--optimizer") { Description = "sgd (with momentum), adam or adamw", DefaultValueFactory = _ => "adamw" };
    private readonly Option<double?> _learningRate = new("--lr") { Description = "Peak learning rate (default: fits the optimizer)" };
    private readonly Option<double> _weightDecay = new("--weight-decay") { Description = "Weight decay of matrices", DefaultValueFactory = _ => 0.1 };
    private readonly Option<double> _clip = new("--clip") { Description = "Largest gradient norm; 0 does not clip", DefaultValueFactory = _ => 1.0 };
    private readonly Option<int?> _warmUp = new("--warm-up") { Description = "Steps of linear warm-up (default: a tenth of --steps)" };
    private readonly Option<string?> _budget = new("--budget") { Description = "Memory budget of tensors: 2GiB, or 40% of the unlimited peak" };
    private readonly Option<string?> _unlimitedPeak = new("--unlimited-peak") { Description = "What a percentage refers to: bytes or a size (default: measured)" };
    private readonly Option<string[]> _store = new("--store") { Description = "Directory for offloaded bytes; repeatable (default: the current directory)" };
    private readonly Option<bool> _noOffload = new("--no-offload") { Description = "Move nothing, only count bytes" };
    private readonly Option<bool> _unobserved = new("--unobserved") { Description = "Not even count: TorchSharp alone", Hidden = true };
    private readonly Option<string> _mode = new("--mode") { Description = "planned (transfers ahead of time, from the fourth step on) or ondemand", DefaultValueFactory = _ => Planned };
    private readonly Option<string> _policy = new("--policy") { Description = "Who plans: the product's own policy, or a baseline's name (see teraio compare --help)", DefaultValueFactory = _ => Planned };
    private readonly Option<string?> _traceFile = new("--trace") { Description = "File for the trace of a steady step (--mode planned)" };
    private readonly Option<string?> _planFile = new("--plan") { Description = "File for the last plan (--mode planned)" };
    private readonly Option<string?> _study = new("--study") { Description = "Policies to hold against each other within one training, such as on-demand-lru,planned; with --budgets" };
    private readonly Option<string> _budgets = new("--budgets") { Description = "Budgets of a --study", DefaultValueFactory = _ => "60%,40%,30%,20%" };
    private readonly Option<int> _measure = new("--measure") { Description = "Steps that count per policy, budget and round of a --study", DefaultValueFactory = _ => 5 };
    private readonly Option<int> _rounds = new("--rounds") { Description = "How many times all policies of a --study take their turns at each budget: what slows the machine down for a minute then does not make a policy's row", DefaultValueFactory = _ => 1 };
    private readonly Option<bool> _sameTraffic = new("--same-traffic") { Description = "In a --study, after the last policy of each budget: unlimited steps while fio moves as many bytes per second as that policy did" };
    private readonly Option<int> _improve = new("--improve") { Description = "Steps that the planned policy of a --study gets in each round to improve its plan", DefaultValueFactory = _ => 17 };
    private readonly Option<string?> _writeLimit = new("--write-limit") { Description = "Endurance: bytes after which a --store directory takes no more writes, such as 500GiB; each" };
    private readonly Option<string?> _emulateRead = new("--emulate-read") { Description = "Slow the store down to a device that reads so many bytes per second, such as 400MiB" };
    private readonly Option<string?> _emulateWrite = new("--emulate-write") { Description = "The same for writes; both or none" };
    private readonly Option<string?> _hostMemory = new("--host-memory") { Description = "Emulate a host tier of this size in front of the store. It lies in the same memory as the model, so it shows what a GPU host would do and saves nothing here" };
    private readonly Option<string> _hostMode = new("--host-mode") { Description = "write-back (to the store when room is needed) or write-through (at once)", DefaultValueFactory = _ => WriteBack };
    private readonly Option<bool?> _verifyReads = new("--verify-reads") { Description = "Compare every byte that comes back with a checksum of what was written; false saves processor time and lets corruption pass unseen (default: true, on a GPU if it proves to compute checksums as the CPU does)" };
    private readonly Option<string> _device = new("--device") { Description = "Where the model, its batches and the optimizer's state are: cpu, cuda or cuda:N. Training on cuda was tested over stand-ins for CUDA only, never on a GPU", DefaultValueFactory = static _ => "cpu" };
    private readonly Option<string> _backend = new("--backend") { Description = "How bytes reach the store: auto, io_uring or threads; on --device cuda auto (what --bandwidth-profile has as the faster, else cufile where bytes go directly, else staged), staged or cufile", DefaultValueFactory = static _ => "auto" };
    private readonly Option<string?> _profile = new("--bandwidth-profile") { Description = "What 'teraio bench -o FILE' measured of the store's directories: plans use it, and --backend auto on --device cuda takes what it has as the faster for each (default: measured before the first plan)" };
    private readonly Option<string> _readWaits = new("--read-waits") { Description = "Who waits for bytes that an op on --device cuda needs: host (the training) or stream (the GPU; a read that fails then ends the run). Tested over stand-ins for CUDA only", DefaultValueFactory = static _ => "host" };
    private readonly Option<string?> _leases = new("--leases") { Description = "Other processes share the store's devices: path (leases per device and direction), global (one lock) or none (no control, only counted)" };
    private readonly Option<bool> _dataParallel = new("--data-parallel") { Description = "One of the ranks that mpirun started: each trains its part of every batch, gradients are averaged through MPI" };
    private readonly Option<string?> _checkpoint = new("--checkpoint") { Description = "File to save to at the end and on Ctrl-C" };
    private readonly Option<string?> _resume = new("--resume") { Description = "Checkpoint to go on from" };
    private readonly Option<int> _evaluateEvery = new("--eval-every") { Description = "Evaluate on held-out text every N steps; 0: never", DefaultValueFactory = _ => 0 };
    private readonly Option<bool> _compare = new("--compare") { Description = "Run unlimited and offloaded, and compare every loss bit by bit" };
    private readonly Option<string?> _json = new("--json") { Description = "File for the results" };

    public CommandLine()
    {
        Root = new RootCommand("Trains a GPT on real text under a memory budget; idle tensors wait on SSD.")
        {
            _config, _layers, _width, _heads, _sequence, _batch, _accumulate, _dropout, _tied, _lossChunk, _steps, _stopAfter, _seed, _textFile,
            _tokenizer, _optimizer, _learningRate, _weightDecay, _clip, _warmUp, _budget, _unlimitedPeak, _store, _noOffload, _unobserved, _mode, _policy, _traceFile, _planFile, _writeLimit, _emulateRead, _emulateWrite, _hostMemory, _hostMode, _verifyReads, _device, _backend, _profile, _readWaits, _leases, _study, _budgets, _measure, _rounds, _improve, _sameTraffic,
            _dataParallel, _checkpoint, _resume, _evaluateEvery, _compare, _json,
        };
    }

    /// <summary>For help and version.</summary>
    public RootCommand Root { get; }

    /// <summary>Turns parsed arguments into options.</summary>
    /// <exception cref="ConfigurationException">A value or a combination is unusable; the message names the option.</exception>
    public RunOptions Read(ParseResult parsed)
    {
        if (parsed.Errors.Count > 0)
            throw new ConfigurationException($"{parsed.Errors[0].Message} See --help.");
        var tokenizer = parsed.GetValue(_tokenizer)!;
        var steps = AtLeast(1, parsed.GetValue(_steps), _steps);
        var optimizer = OneOf(parsed.GetValue(_optimizer)!, _optimizer, Optimizers.Names);
        var options = new RunOptions
        {
            Config = ReadConfig(parsed, Tokenizers.Named(tokenizer).Vocabulary),
            Steps = steps,
            StopAfter = parsed.GetValue(_stopAfter) is { } stop ? AtLeast(1, stop, _stopAfter) : null,
            Seed = parsed.GetValue(_seed),
            Accumulate = AtLeast(1, parsed.GetValue(_accumulate), _accumulate),
            LossChunk = AtLeast(1, parsed.GetValue(_lossChunk), _lossChunk),
            Optimizer = optimizer,
            LearningRate = parsed.GetValue(_learningRate) ?? Optimizers.DefaultLearningRate(optimizer),
            WeightDecay = parsed.GetValue(_weightDecay),
            ClipNorm = parsed.GetValue(_clip),
            WarmUpSteps = parsed.GetValue(_warmUp) ?? Math.Max(1, steps / 10),
            Tokenizer = tokenizer,
            TextFile = parsed.GetValue(_textFile),
            Budget = parsed.GetValue(_budget) is { } budget ? BudgetChoice.Parse(budget) : null,
            UnlimitedPeak = parsed.GetValue(_unlimitedPeak) is { } peak ? ReadSize(peak, _unlimitedPeak, "neither a number of bytes nor a size such as 2GiB") : null,
            StorePaths = parsed.GetValue(_store) is { Length: > 0 } paths ? paths : [Directory.GetCurrentDirectory()],
            Unobserved = parsed.GetValue(_unobserved),
            Checkpoint = parsed.GetValue(_checkpoint),
            Resume = parsed.GetValue(_resume),
            EvaluateEvery = AtLeast(0, parsed.GetValue(_evaluateEvery), _evaluateEvery),
            IsPlanned = OneOf(parsed.GetValue(_mode)!, _mode, [Planned, "ondemand"]) == Planned,
            Policy = parsed.GetValue(_policy)!,
            TraceFile = parsed.GetValue(_traceFile),
            PlanFile = parsed.GetValue(_planFile),
            Study = parsed.GetValue(_study)?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries),
            StudyBudgets = [.. parsed.GetValue(_budgets)!.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(BudgetChoice.Parse)],
            StudyMeasured = AtLeast(1, parsed.GetValue(_measure), _measure),
            StudyRounds = AtLeast(1, parsed.GetValue(_rounds), _rounds),
            StudySameTraffic = parsed.GetValue(_sameTraffic),
            StudyImproving = AtLeast(2, parsed.GetValue(_improve), _improve),
            WriteLimit = parsed.GetValue(_writeLimit) is { } writeLimit ? ReadSize(writeLimit, _writeLimit, "not a size such as 500GiB") : null,
            Emulated = ReadEmulated(parsed.GetValue(_emulateRead), parsed.GetValue(_emulateWrite)),
            HostMemory = ReadHostMemory(parsed.GetValue(_hostMemory), OneOf(parsed.GetValue(_hostMode)!, _hostMode, [WriteBack, "write-through"])),
            VerifyReads = parsed.GetValue(_verifyReads),
            Device = ReadDevice(parsed.GetValue(_device)!),
            Backend = ReadBackend(parsed.GetValue(_backend)!),
            BandwidthProfile = parsed.GetValue(_profile),
            ReadWaits = OneOf(parsed.GetValue(_readWaits)!, _readWaits, ["host", "stream"]) == "stream" ? ReadWaits.InStream : ReadWaits.OnHost,
            Leases = parsed.GetValue(_leases) is { } leases ? ReadLeases(OneOf(leases, _leases, ["path", "global", "none"])) : null,
            DataParallel = parsed.GetValue(_dataParallel),
            Compare = parsed.GetValue(_compare),
            JsonFile = parsed.GetValue(_json),
        };
        _ = Policies.Named(options.Policy);
        CheckCombination(options, parsed.GetValue(_noOffload));
        return options;
    }

    private GptConfig ReadConfig(ParseResult parsed, int tokenizerVocabulary)
    {
        var preset = GptConfig.Named(parsed.GetValue(_config)!);
        return (preset with
        {
            Layers = parsed.GetValue(_layers) ?? preset.Layers,
            Width = parsed.GetValue(_width) ?? preset.Width,
            Heads = parsed.GetValue(_heads) ?? preset.Heads,
            Sequence = parsed.GetValue(_sequence) ?? preset.Sequence,
            Batch = parsed.GetValue(_batch) ?? preset.Batch,
            Dropout = parsed.GetValue(_dropout) ?? preset.Dropout,
            Tied = parsed.GetValue(_tied) ?? preset.Tied,
            Vocabulary = Math.Max(preset.Vocabulary, tokenizerVocabulary),
        }).Validated();
    }

    private static void CheckCombination(RunOptions options, bool noOffload)
    {
        if (options.Device.IsCuda)
            CheckCuda(options);
        else if (options.Backend is StorageBackend.Staged or StorageBackend.CuFile)
            throw new ConfigurationException("--backend staged and cufile move the memory of a GPU; with --device cpu use auto, io_uring or threads.");
        else if (options.ReadWaits == ReadWaits.InStream)
            throw new ConfigurationException("--read-waits stream needs the streams of a GPU; leave it out with --device cpu.");
        if ((noOffload || options.Unobserved) && options.Budget is not null)
            throw new ConfigurationException("--budget and --no-offload contradict each other; leave one out.");
        if (options.Study is not null)
        {
            if (options.Budget is not null || noOffload || options.Unobserved || options.Compare || options.DataParallel || options.Checkpoint is not null || options.Resume is not null)
                throw new ConfigurationException("--study sets budgets and policies itself; leave --budget, --no-offload, --compare, --data-parallel, --checkpoint and --resume out.");
            if (options.Study.Count == 0 || options.StudyBudgets.Count == 0 || !options.IsPlanned)
                throw new ConfigurationException("--study needs at least one policy, one of --budgets, and --mode planned.");
            if (options.StudySameTraffic && options.HostMemory is not null)
                throw new ConfigurationException("--same-traffic gives the disk what a policy moved, and with --host-memory part of that never came there; leave one out.");
            foreach (var policy in options.Study)
                _ = Policies.Named(policy);
            return;
        }
        if (options.StudySameTraffic)
            throw new ConfigurationException("--same-traffic compares within a --study; name one, or leave it out.");
        if (options.Budget is null && !noOffload && !options.Unobserved)
            throw new ConfigurationException("Say how much memory tensors may take with --budget (such as 40% or 2GiB), or --no-offload for no limit.");
        if (options.Compare && options.Budget is null)
            throw new ConfigurationException("--compare runs unlimited and offloaded; it needs a --budget for the second run.");
        if (options.Compare && options.Checkpoint is not null)
            throw new ConfigurationException("--compare runs twice, and both would write the --checkpoint; leave one out.");
        if (options.DataParallel)
            CheckDataParallel(options);
        if (!options.IsPlanned && (options.TraceFile ?? options.PlanFile) is not null)
            throw new ConfigurationException("--trace and --plan need --mode planned: on demand nothing is recorded.");
        if (options.StopAfter is not null && options.Checkpoint is null)
            throw new ConfigurationException("--stop-after leaves a checkpoint to go on from; name it with --checkpoint.");
    }

    private static void CheckCuda(RunOptions options)
    {
        if (options.ReadWaits == ReadWaits.InStream && options.Leases is { Mode: not LeaseMode.None })
            throw new ConfigurationException("--read-waits stream with --leases could stand still for ever: what waits for kernels would keep the lease from the reads that those wait for. Use --read-waits host, or --leases none.");
        if (options.Backend is StorageBackend.IoUring or StorageBackend.Threads)
            throw new ConfigurationException("--backend io_uring and threads move host memory; with --device cuda use auto, staged or cufile.");
        if (options.HostMemory is not null)
            throw new ConfigurationException("--host-memory emulates a tier for tensors of the CPU; leave it out with --device cuda.");
        if (options.DataParallel)
            throw new ConfigurationException("--data-parallel averages gradients in host memory; use it with --device cpu.");
        if (options.Resume is not null && options.Config.Dropout > 0)
            throw new ConfigurationException("--resume with --device cuda needs --dropout 0: a checkpoint has the random numbers of the CPU only.");
    }

    private static void CheckDataParallel(RunOptions options)
    {
        if (options.Compare)
            throw new ConfigurationException("--compare starts processes of its own, which mpirun knows nothing of; compare the --json files of two runs instead.");
        if (options.Budget is { Share: not null } && options.UnlimitedPeak is null)
            throw new ConfigurationException("--data-parallel does not measure the peak that a percentage refers to; give --unlimited-peak, which a run of the same ranks with --no-offload prints.");
        if (options.Resume is not null && options.Config.Dropout > 0)
            throw new ConfigurationException("--resume with --data-parallel needs --dropout 0: a checkpoint has the random numbers of one rank only.");
    }

    private static ByteSize ReadSize(string text, Option option, string flaw) => ByteSize.TryParse(text, out var size) && size.Bytes > 0
        ? size
        : throw new ConfigurationException($"{option.Name} '{text}' is {flaw}.");

    private static EmulatedDevice? ReadEmulated(string? read, string? write)
    {
        if (read is null && write is null)
            return null;
        return ByteSize.TryParse(read, out var readSize) && ByteSize.TryParse(write, out var writeSize) && readSize.Bytes > 0 && writeSize.Bytes > 0
            ? new EmulatedDevice(readSize.Bytes, writeSize.Bytes)
            : throw new ConfigurationException("--emulate-read and --emulate-write go together; each is a size per second such as 400MiB.");
    }

    private HostMemoryOptions? ReadHostMemory(string? size, string mode) => size is null ? null : new HostMemoryOptions
    {
        Budget = ReadSize(size, _hostMemory, "not a size such as 2GiB"),
        Mode = mode == WriteBack ? HostMemoryMode.WriteBack : HostMemoryMode.WriteThrough,
        AllowOnCpu = true,
    };

    private TensorDevice ReadDevice(string text)
    {
        try
        {
            return TensorDevice.Parse(text);
        }
        catch (ConfigurationException)
        {
            throw new ConfigurationException($"{_device.Name} '{text}' is unknown; use cpu, cuda or cuda:N.");
        }
    }

    private StorageBackend ReadBackend(string text) => OneOf(text, _backend, ["auto", "io_uring", "threads", "staged", "cufile"]) switch
    {
        "io_uring" => StorageBackend.IoUring,
        "threads" => StorageBackend.Threads,
        "staged" => StorageBackend.Staged,
        "cufile" => StorageBackend.CuFile,
        _ => StorageBackend.Auto,
    };

    private static LeaseOptions ReadLeases(string mode) => new()
    {
        Mode = mode switch { "path" => LeaseMode.PerPath, "global" => LeaseMode.Global, _ => LeaseMode.None },
    };

    private static int AtLeast(int least, int value, Option option) => value >= least
        ? value
        : throw new ConfigurationException($"{option.Name} is {value}; it must be at least {least}.");

    private static string OneOf(string value, Option option, IReadOnlyList<string> names) => names.Contains(value)
        ? value
        : throw new ConfigurationException($"{option.Name} '{value}' is unknown; choose one of {string.Join(", ", names)}.");
}
