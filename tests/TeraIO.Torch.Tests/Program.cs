using NUnit.Framework.Api;
using NUnit.Framework.Interfaces;
using NUnit.Framework.Internal;

namespace TeraIO.Torch.Tests;

/// <summary>
/// The tests of one category in this process, for a test that needs them in a process with another libtorch: <c>dotnet TeraIO.Torch.Tests.dll CATEGORY</c>.
/// Exits with 0 when all have passed and none was skipped.
/// </summary>
internal static class Program
{
    public static int Main(string[] args)
    {
        var runner = new NUnitTestAssemblyRunner(new DefaultTestAssemblyBuilder());
        runner.Load(typeof(Program).Assembly, new Dictionary<string, object>());
        ITestResult result = runner.Run(TestListener.NULL, TestFilter.FromXml($"<filter><cat>{args[0]}</cat></filter>"));
        Tell(result);
        Console.WriteLine($"{result.PassCount} passed, {result.FailCount} failed, {result.SkipCount} skipped");
        return result.PassCount > 0 && result.FailCount + result.SkipCount + result.InconclusiveCount == 0 ? 0 : 1;
    }

    private static void Tell(ITestResult result)
    {
        foreach (ITestResult child in result.Children) Tell(child);
        if (!result.HasChildren && result.ResultState.Status != TestStatus.Passed)
            Console.WriteLine($"{result.FullName}: {result.ResultState} {result.Message}\n{result.StackTrace}");
    }
}
