# Completion of teraio for bash. Asks the program itself; where it knows nothing, files are offered.
_teraio() {
    local current="${COMP_WORDS[COMP_CWORD]}" line
    COMPREPLY=()
    # With '=' in COMP_WORDBREAKS the word may be only the part after it; that is a value, and values are mostly files.
    while IFS= read -r line; do
        [[ -n $line && $line == "$current"* ]] && COMPREPLY+=("$line")
    done < <("${COMP_WORDS[0]}" "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2>/dev/null)
}
complete -o bashdefault -o default -F _teraio teraio
