use crate::Routes;

pub(crate) fn routes(routes: Routes) -> Routes {
    routes
}
