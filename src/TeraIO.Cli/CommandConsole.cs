using System.Globalization;
using Spectre.Console;

namespace TeraIO.Cli;

/// <summary>Where a command writes: results to one writer, progress, notes and errors to the other.</summary>
/// <param name="Out">Results.</param>
/// <param name="Error">Everything else.</param>
/// <param name="OutIsTerminal">A person reads <paramref name="Out"/> on a terminal.</param>
/// <param name="ErrorIsTerminal">The same for <paramref name="Error"/>: only then progress is shown.</param>
internal sealed record CommandConsole(TextWriter Out, TextWriter Error, bool OutIsTerminal = false, bool ErrorIsTerminal = false)
{
    /// <summary>Width of tables that go to a file or a pipe: wide enough that no cell wraps.</summary>
    private const int PipeWidth = 200;

    /// <summary>The console of this process.</summary>
    public static CommandConsole OfProcess() => new(Console.Out, Console.Error, !Console.IsOutputRedirected, !Console.IsErrorRedirected);

    /// <summary>Columns that a table may take.</summary>
    public int TableWidth => Ansi(Out, OutIsTerminal).Profile.Width;

    /// <summary>Prints tables and the like to <see cref="Out"/>.</summary>
    public void Write(Spectre.Console.Rendering.IRenderable renderable) => Ansi(Out, OutIsTerminal).Write(renderable);

    /// <summary>A console for progress.</summary>
    public IAnsiConsole ForProgress() => Ansi(Error, ErrorIsTerminal);

    private static IAnsiConsole Ansi(TextWriter writer, bool isTerminal)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = isTerminal ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = isTerminal ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(writer),
        });
        if (!isTerminal) console.Profile.Width = Columns() ?? PipeWidth;
        return console;
    }

    /// <summary>COLUMNS, when whoever calls has a width in mind.</summary>
    private static int? Columns() =>
        int.TryParse(Environment.GetEnvironmentVariable("COLUMNS"), NumberStyles.None, CultureInfo.InvariantCulture, out int columns) && columns >= 40 ? columns : null;
}
