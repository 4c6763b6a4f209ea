using System.CommandLine;
using TeraIO.Cli.Doctor;
using TeraIO.Cli.Options;
using TeraIO.Cli.Output;

namespace TeraIO.Cli.Commands;

/// <summary><c>teraio doctor</c>: what this machine can do, and what is missing.</summary>
internal static class DoctorCommand
{
    private sealed record DoctorOutput(string Worst, IReadOnlyList<ReportSection> Sections);

    public static Command Create(CommandConsole console, Func<Machine> machine)
    {
        var command = new Command("doctor", "Shows what this machine can do for offloading, and what to do about what it cannot.");
        var paths = new StorePathOption(command, "Directory that a store may use; repeatable (default: TERAIO_STORE, or the current directory)");
        var verbose = new Option<bool>("--verbose", "-v") { Description = "Say for green lines too where they are from" };
        command.Add(verbose);
        Option<bool> json = JsonOutput.Option(command);
        command.SetAction((parsed, cancellation) => Task.Run(() => Run(parsed), cancellation));
        HelpWithExamples.Add(
            command,
            "teraio doctor",
            "teraio doctor --path /mnt/nvme0 --path /mnt/nvme1",
            "teraio doctor --path /mnt/nvme0 --json");
        return command;

        int Run(ParseResult parsed)
        {
            MachineReport report = MachineDoctor.Examine(machine(), paths.Given(parsed));
            if (parsed.GetValue(json)) JsonOutput.Write(console, new DoctorOutput(System.Text.Json.JsonNamingPolicy.CamelCase.ConvertName(report.Worst.ToString()), report.Sections));
            else FindingsPage.Print(console, report, parsed.GetValue(verbose));
            return ExitCodes.Success;
        }
    }
}
