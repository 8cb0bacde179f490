// Waiting for conditions; what was last seen is said when they don't come.

const LIMIT = 60_000;

// Asks again until the answer is true; `holds` may also throw what it sees instead.
export async function until(what, holds) {
    const deadline = Date.now() + LIMIT;
    for (;;) {
        let seen;
        try {
            const answer = await holds();
            if (answer) return answer;
            seen = answer;
        } catch (error) {
            seen = error.message;
        }
        if (Date.now() > deadline) throw new Error(`waited ${LIMIT} ms for ${what}: ${seen}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
    }
}
