using TeraIO.Core.Tracing;

namespace TeraIO.Cli.Inspection;

/// <summary>What an op does to a tensor, in words.</summary>
internal static class AccessWords
{
    public static string Of(AccessKind kind) =>
        string.Join(", ", Words().Where(w => (kind & w.Kind) != 0).Select(static w => w.Word));

    private static (AccessKind Kind, string Word)[] Words() =>
        [(AccessKind.Create, "creates"), (AccessKind.Read, "reads"), (AccessKind.Write, "writes"), (AccessKind.Free, "frees")];
}
