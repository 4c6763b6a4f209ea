namespace TeraIO.Cli;

internal static class Program
{
    private static Task<int> Main(string[] arguments) => Teraio.RunAsync(arguments, CommandConsole.OfProcess());
}
