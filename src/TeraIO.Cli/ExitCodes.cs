namespace TeraIO.Cli;

/// <summary>What the process tells its caller. Documented in docs/cli.md and <c>teraio --help</c>.</summary>
internal static class ExitCodes
{
    public const int Success = 0;

    /// <summary>A file is missing, damaged, in another format, or cannot be written.</summary>
    public const int BadInput = 1;

    /// <summary>An option is unknown, missing or has a value that makes no sense.</summary>
    public const int Usage = 2;

    /// <summary>The memory budget is smaller than what a single op needs.</summary>
    public const int Infeasible = 3;

    /// <summary>A fault of the program itself.</summary>
    public const int Internal = 70;

    /// <summary>Stopped by Ctrl-C, as shells number it.</summary>
    public const int Cancelled = 130;
}
