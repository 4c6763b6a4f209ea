using System.CommandLine;
using System.Globalization;
using TeraIO.Cli.Bench;
using TeraIO.Cli.Doctor;
using TeraIO.Cli.Options;
using TeraIO.Cli.Output;
using TeraIO.Core;
using TeraIO.Core.Storage;
using TeraIO.Core.Transfers;

namespace TeraIO.Cli.Commands;

/// <summary><c>teraio bench</c>: how fast the storage paths are, through the engine and without it.</summary>
internal static class BenchCommand
{
    private sealed record BackendOutput(string Backend, bool Works, string Reason);

    private sealed record BenchOutput(string Machine, DateTimeOffset MeasuredAt, IReadOnlyList<BackendOutput> Backends, IReadOnlyList<BenchCell> Measurements, IReadOnlyList<BenchRoute> Routes, BandwidthProfile? Profile, string? File);

    public static Command Create(CommandConsole console, Option<bool> quiet)
    {
        var command = new Command("bench", "Measures storage paths: sizes, queue depths, directions and backends, beside a plain loop on the same disk.");
        var paths = new StorePathOption(command, "Directory on the disk to measure; repeatable (default: TERAIO_STORE, or the current directory)");
        Option<StorageBackend[]> backends = OptionValues.Many<StorageBackend>(
            "--backend", "io_uring|threads|cufile|staged", "What to measure; repeatable. cufile and staged move a GPU's memory (default: io_uring,threads)", "io_uring, threads, cufile or staged", IsBackend);
        Option<int?> gpu = OptionValues.One<int?>("--gpu", "N", "Ordinal of the GPU for cufile and staged (default: 0)", "a whole number from 0 to 1023", IsGpu);
        Option<ByteSize[]> sizes = OptionValues.Many<ByteSize>("--size", "SIZE", "Bytes per request, multiples of 4096; repeatable (default: 128KiB,1MiB,8MiB)", "a multiple of 4096 bytes up to 1GiB, such as 1MiB", IsSize);
        Option<int[]> depths = OptionValues.Many<int>("--depth", "N", "Requests in flight per direction; repeatable (default: 1,4,16)", "a whole number from 1 to 64", IsDepth);
        Option<BenchDirection[]> directions = OptionValues.Many<BenchDirection>("--direction", "read|write|mixed", "What moves at once; repeatable (default: all)", "read, write or mixed", IsDirection);
        Option<double?> seconds = OptionValues.Number("--seconds", "SECONDS", "Of each measurement (default: 0.5)", 0.01, 3600);
        Option<ByteSize?> fileSize = OptionValues.Size("--file-size", "Bytes of the file in each path (default: 1GiB)");
        foreach (Option option in (Option[])[backends, gpu, sizes, depths, directions, seconds, fileSize]) command.Add(option);
        var output = new OutputOptions(command, "Bandwidth profile to write, for --profile of the other commands", required: false);
        Option<bool> json = JsonOutput.Option(command);
        command.SetAction((parsed, cancellation) => Task.Run(() => Run(parsed, cancellation), cancellation));
        HelpWithExamples.Add(
            command,
            "teraio bench --path /mnt/nvme0 --path /mnt/nvme1 -o machine.profile.json",
            "teraio bench --path /mnt/nvme0 --size 1MiB,8MiB --depth 4,16,32 --seconds 2 --file-size 8GiB --json",
            "teraio bench --path /mnt/nvme0 --direction mixed --size 8MiB --depth 8",
            "teraio bench --path /mnt/nvme0 --backend cufile,staged -o gpu.profile.json");
        return command;

        int Run(ParseResult parsed, CancellationToken cancellation)
        {
            bool writes = parsed.GetResult("--output") is not null;
            OutputFile? file = writes ? output.File(parsed) : null;
            Machine machine = Machine.Live();
            var settings = new BenchSettings { Paths = paths.Given(parsed), Backends = Chosen(parsed.GetValue(backends) ?? [], machine.Backends), Gpu = parsed.GetValue(gpu) ?? 0 };
            settings = settings with
            {
                RequestBytes = parsed.GetValue(sizes) is { Length: > 0 } s ? [.. s.Select(static b => b.Bytes).Distinct()] : settings.RequestBytes,
                QueueDepths = parsed.GetValue(depths) is { Length: > 0 } q ? [.. q.Distinct()] : settings.QueueDepths,
                Directions = parsed.GetValue(directions) is { Length: > 0 } d ? [.. d.Distinct()] : settings.Directions,
                Seconds = parsed.GetValue(seconds) ?? settings.Seconds,
                FileBytes = parsed.GetValue(fileSize)?.Bytes ?? settings.FileBytes,
            };
            string description = Describe(machine, settings.MovesDeviceMemory);
            BenchResult result = LongWork.Run(console, parsed.GetValue(quiet), "measuring", progress => StorageBench.Run(settings, progress, cancellation));
            DateTimeOffset now = DateTimeOffset.UtcNow;
            BandwidthProfile? profile = ProfileChoice.Of(result, description, now, settings.MovesDeviceMemory ? DeviceIdentity.Of(settings.Gpu) : null);
            if (file is not null)
            {
                BandwidthProfile complete = profile ?? throw new UsageException("A profile needs both directions: leave --direction out, or give read and write.");
                file.Write((Stream stream) => BandwidthProfileFile.Write(complete, stream));
            }

            if (parsed.GetValue(json))
            {
                JsonOutput.Write(console, new BenchOutput(description, now, [.. machine.Backends.Select(static b => new BackendOutput(b.Name, b.Works, b.Reason))], result.Cells, result.Routes, profile, file?.Path));
                return ExitCodes.Success;
            }

            console.Out.WriteLine($"{description}; {now.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture)} UTC");
            BenchTables.Print(console, result, machine.Backends, profile);
            if (file is not null && !parsed.GetValue(quiet)) console.Out.WriteLine($"{file.Path}: for --profile of plan, simulate, compare");
            return ExitCodes.Success;
        }
    }

    /// <summary>Those that were asked for, or those for host memory that work here.</summary>
    /// <exception cref="UsageException">They are of both kinds, or one does not work here.</exception>
    private static StorageBackend[] Chosen(StorageBackend[] asked, IReadOnlyList<BackendTrial> trials)
    {
        if (asked.Length == 0) return [.. trials.Where(static t => t.Works && !StoreOptions.IsForDeviceMemory((StorageBackend)t.Backend)).Select(static t => (StorageBackend)t.Backend)];
        if (asked.Select(StoreOptions.IsForDeviceMemory).Distinct().Count() > 1)
            throw new UsageException("--backend names both kinds: io_uring and threads move the host's memory, cufile and staged a GPU's. Measure one kind at a time.");
        foreach (BackendTrial trial in asked.Select(b => trials.Single(t => t.Backend == (uint)b)).Where(static t => !t.Works))
            throw new UsageException($"The backend {trial.Name} does not work here: {trial.Reason}. 'teraio doctor' tells what is missing.");
        return [.. asked.Distinct()];
    }

    private static string Describe(Machine machine, bool withGpu)
    {
        MachineReport report = new([Doctor.Checks.SystemChecks.Run(machine), Doctor.Checks.NvidiaChecks.Run(machine)]);
        return string.Join(", ", report.Findings.Where(f => f.Name is "kernel" or "processor" || (withGpu && f is { Name: "gpu", State: FindingState.Green })).Select(static f => f.Text));
    }

    private static bool IsBackend(string? text, out StorageBackend backend)
    {
        backend = (StorageBackend)BackendTrial.All.FirstOrDefault(b => string.Equals(b.Name, text, StringComparison.OrdinalIgnoreCase)).Backend;
        return backend != StorageBackend.Auto;
    }

    private static bool IsGpu(string? text, out int? ordinal)
    {
        bool isNumber = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number <= 1023;
        ordinal = isNumber ? number : null;
        return isNumber;
    }

    private static bool IsSize(string? text, out ByteSize size) => ByteSize.TryParse(text, out size) && size.Bytes is > 0 and <= 1L << 30 && size.Bytes % StoreOptions.BlockBytes == 0;

    private static bool IsDepth(string? text, out int depth) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out depth) && depth is >= 1 and <= 64;

    private static bool IsDirection(string? text, out BenchDirection direction) =>
        Enum.TryParse(text, ignoreCase: true, out direction) && Enum.IsDefined(direction) && text is { Length: > 0 } && char.IsAsciiLetter(text[0]);
}
